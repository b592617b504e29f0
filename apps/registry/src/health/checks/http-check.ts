import { withoutCredentials } from '#telemetry/printable.js';

import type { HealthCheck } from '../health-check.js';
import type { HealthConfig } from '../health-config.js';

type HttpCheckConfig = HealthConfig['http'][number];

/** Fails unless an address answers HEAD with the expected status. */
export function httpCheck(config: HttpCheckConfig): HealthCheck {
  const { uri, statuscode, interval, threshold, timeout } = config;
  const name = withoutCredentials(uri);
  return {
    name,
    interval,
    threshold,
    timeout,
    run: async (signal) => {
      const status = await statusOf(config, signal);
      if (status !== statuscode) {
        throw new Error(`${name}: answered ${status}, expected ${statuscode}`);
      }
    },
  };
}

async function statusOf(config: HttpCheckConfig, signal: AbortSignal): Promise<number> {
  const url = new URL(config.uri);
  const headers = new Headers();
  for (const [header, values] of Object.entries(config.headers)) {
    for (const value of values) headers.append(header, value.reveal());
  }
  // `fetch` takes no credentials in a URL.
  if (url.username !== '' || url.password !== '') {
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers.set('authorization', `Basic ${Buffer.from(credentials).toString('base64')}`);
    url.username = '';
    url.password = '';
  }
  try {
    return (await fetch(url, { method: 'HEAD', headers, signal })).status;
  } catch (error) {
    throw new Error(`${withoutCredentials(config.uri)}: ${reasonOf(error)}`, { cause: error });
  }
}

/** What `fetch` hides behind "fetch failed". Several addresses that failed have a code and no message. */
function reasonOf(error: unknown): string {
  const { message, code } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
  return message || (code ?? 'failed');
}
