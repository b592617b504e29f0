import type { ProcessMetrics } from '../metrics/process-metrics.js';
import type { Health } from './health.js';
import type { ProcessHealth } from './process-health.js';

/** A process that answers requests, and what it says of its health; undefined where it does not answer the question. */
export interface HealthReport {
  readonly pid: number;
  readonly health: ProcessHealth | undefined;
}

/** What the debug address tells, from every process that answers requests; from none of them before they do. */
export abstract class ProcessReports {
  abstract health(): Promise<readonly HealthReport[]>;
  /** In the text format of Prometheus. */
  abstract metrics(): Promise<string>;
}

/** One process, from when it listens. */
export class ProcessReporter {
  constructor(
    readonly health: Pick<Health, 'report'>,
    readonly metrics: ProcessMetrics,
  ) {}
}

/** Where the process that serves the debug address is the one that answers requests. */
export class OwnReports extends ProcessReports {
  #reporter: ProcessReporter | undefined;

  /** From now on it answers requests. */
  begin(reporter: ProcessReporter): void {
    this.#reporter = reporter;
  }

  async health(): Promise<readonly HealthReport[]> {
    const health = this.#reporter?.health.report();
    return health === undefined ? [] : [{ pid: health.pid, health }];
  }

  async metrics(): Promise<string> {
    return this.#reporter?.metrics.text() ?? '';
  }
}
