import type { LogConfig } from './log-config.js';
import type { Log } from './log.js';

/** A request that was answered, or whose client left before. */
export interface Access {
  readonly method: string;
  /** Path and query as they came; states and signatures are masked on the way out. */
  readonly url: string;
  readonly status: number;
  /** Sent for it, the head of the answer included; 0 over HTTP/2, whose streams share a connection. */
  readonly bytes: number;
  readonly milliseconds: number;
  /** The client's address, as trusted proxies tell it. */
  readonly client: string;
  readonly agent?: string | undefined;
  /** The client left, or was cut off, before the end of the answer. */
  readonly cut?: true | undefined;
}

/** One line per request, unless `log.accesslog.disabled`. */
export class AccessLog {
  private constructor(private readonly log: Log) {}

  /** @returns undefined where no line is wanted, so that nobody measures for nothing */
  static create(config: LogConfig, log: Log): AccessLog | undefined {
    return config.accesslog.disabled ? undefined : new AccessLog(log);
  }

  write(access: Access): void {
    const { milliseconds, ...fields } = access;
    this.log.info({ ...fields, ms: Math.round(milliseconds * 10) / 10 }, 'request');
  }
}
