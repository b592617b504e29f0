/** One thing that must be so for the registry to be of use. It is asked in the background, never by a request. */
export interface HealthCheck {
  /** As `/debug/health` shows it; the same as Distribution's. */
  readonly name: string;
  /** What is known before the first run: nothing, unless the start itself could not have gone well without it. */
  readonly initially?: 'up';
  /** Milliseconds from the start of one run to the next. */
  readonly interval: number;
  /** Failures in a row that count; 0 is as good as 1. */
  readonly threshold: number;
  /** Milliseconds after which a run that has not come back has failed. */
  readonly timeout: number;
  /** Fails by throwing. */
  readonly run: (signal: AbortSignal) => Promise<void>;
}

/** Where a check has no time limit of its own in the configuration (milliseconds). */
export const defaultTimeout = 5000;
