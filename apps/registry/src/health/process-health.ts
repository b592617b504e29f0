/** What one check said last. Plain data: it travels between processes. */
export interface CheckHealth {
  readonly name: string;
  /** `unknown`: it has not come back yet, since the start. `down` after as many failures as its threshold says. */
  readonly status: 'unknown' | 'up' | 'down';
  /** Why the last run failed, also while it does not count yet. */
  readonly message?: string | undefined;
  /** In a row. */
  readonly failures: number;
  /** Milliseconds since 1970. */
  readonly checkedAt?: number | undefined;
  /** Milliseconds. */
  readonly responseTime?: number | undefined;
}

/** What a process that serves says of itself. */
export interface ProcessHealth {
  readonly pid: number;
  readonly draining: boolean;
  readonly checks: readonly CheckHealth[];
  /** What somebody should look after, by a name. */
  readonly notices: Readonly<Record<string, string>>;
}

/** Ready is who stays and whose checks all passed. */
export function isReady({ draining, checks }: Pick<ProcessHealth, 'draining' | 'checks'>): boolean {
  return !draining && checks.every(({ status }) => status === 'up');
}
