import type { Measured } from '../metrics/measured.js';
import type { HealthCheck } from './health-check.js';

/** What a process tells of itself at the debug address besides its checks. */
export interface ProcessFacts {
  /** What somebody should look after, in words, by a name. None of it makes the process unready. */
  readonly notices?: () => Readonly<Record<string, string>>;
  readonly measured?: readonly Measured[];
  /** Checks of what only some processes have; these do make it unready. */
  readonly checks?: readonly HealthCheck[];
}
