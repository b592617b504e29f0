import type { Config } from './config.js';

/** What a process goes by that started with one configuration when another was read since: of that only what may change while it runs. */
export function withLive(started: Config, now: Config): Config {
  const { secret, secrets, secretfile } = now.http;
  return {
    ...started,
    log: { ...started.log, level: now.log.level },
    http: { ...started.http, secret, secrets, secretfile },
  };
}
