import { projectRoot } from './holdfast.js';
import { tryRun, type Finished, type RunOptions } from './process.js';

/** The script that people start. */
export const holdfastCommand = `${projectRoot}apps/cli/bin/holdfast.js`;

/** An environment in which nothing is configured. */
export const noVariables: Readonly<Record<string, string>> = { PATH: process.env['PATH'] ?? '' };

/** Runs `holdfast` with these arguments to its end. */
export function runHoldfast(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return tryRun(process.execPath, [holdfastCommand, ...args], { env: noVariables, ...options });
}
