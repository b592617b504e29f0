import type { Measured } from '../metrics/measured.js';

/** What a process tells of itself at the debug address besides its checks. */
export interface ProcessFacts {
  /** What somebody should look after, in words, by a name. None of it makes the process unready. */
  readonly notices?: () => Readonly<Record<string, string>>;
  readonly measured?: readonly Measured[];
}
