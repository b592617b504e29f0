import type { Log } from '#telemetry/log.js';

import type { HealthCheck } from './health-check.js';
import type { CheckHealth } from './process-health.js';

/** After this the door is open: what the first run has to load does not delay the first request (milliseconds). */
const firstRunAfter = 100;
/** What a timer can count to. */
const longestDelay = 2 ** 31 - 1;

/**
 * Runs a check on its interval and keeps what it said, so that asking costs nothing. A run that hangs is not joined by
 * another: a storage that does not answer gets one question, not one per interval.
 */
export class PeriodicCheck {
  #health: CheckHealth;
  #timer: NodeJS.Timeout | undefined;
  #underWay = false;
  #stopped = false;

  constructor(
    private readonly check: HealthCheck,
    private readonly log: Log,
    private readonly now: () => number = Date.now,
  ) {
    this.#health = { name: check.name, status: check.initially ?? 'unknown', failures: 0 };
  }

  get health(): CheckHealth {
    return this.#health;
  }

  start(): void {
    this.#again(firstRunAfter);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** One run, now. */
  async run(): Promise<void> {
    if (this.#underWay) {
      this.#record({ status: 'down', message: 'the check before this one still waits' });
      return;
    }
    this.#underWay = true;
    // Loaded when it is needed first: some 20 ms that no first request has to wait for.
    const { HealthIndicatorService } = await import('@nestjs/terminus');
    const { name, timeout, run } = this.check;
    const result = await new HealthIndicatorService()
      .check(name)
      .attempt(({ signal }) =>
        run(signal).finally(() => {
          this.#underWay = false;
        }),
      )
      .withTimeout(timeout);
    this.#record(result[name] ?? { status: 'down' });
  }

  #again(delay: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(
      () => {
        this.#again(this.check.interval);
        void this.run();
      },
      Math.min(delay, longestDelay),
    ).unref();
  }

  #record({ status, message, responseTime }: Outcome): void {
    const before = this.#health;
    const { name, threshold } = this.check;
    const failures = status === 'up' ? 0 : before.failures + 1;
    const counts = failures >= Math.max(threshold, 1);
    this.#health = {
      name,
      status: failures === 0 ? 'up' : counts ? 'down' : before.status,
      message,
      failures,
      checkedAt: this.now(),
      responseTime,
    };
    if (this.#health.status === before.status) return;
    if (this.#health.status === 'down') {
      this.log.warn({ check: name, failures, reason: message }, 'health check fails');
    } else if (before.status === 'down') {
      this.log.info({ check: name }, 'health check passes again');
    }
  }
}

interface Outcome {
  readonly status: string;
  readonly message?: string;
  readonly responseTime?: number;
}
