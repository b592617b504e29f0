import { pid } from 'node:process';

import type { Drain } from '../http/drain.js';
import type { PeriodicCheck } from './periodic-check.js';
import { isReady, type ProcessHealth } from './process-health.js';

/** What this process knows of its own health. Asking costs no call to anything. */
export class Health {
  constructor(
    private readonly checks: readonly PeriodicCheck[],
    private readonly drain: Drain,
    private readonly notices: () => Readonly<Record<string, string>> = () => ({}),
  ) {}

  get ready(): boolean {
    return isReady(this.report());
  }

  get draining(): boolean {
    return this.drain.draining;
  }

  report(): ProcessHealth {
    return {
      pid,
      draining: this.drain.draining,
      checks: this.checks.map(({ health }) => health),
      notices: this.notices(),
    };
  }

  onApplicationBootstrap(): void {
    for (const check of this.checks) check.start();
  }

  onApplicationShutdown(): void {
    for (const check of this.checks) check.stop();
  }
}
