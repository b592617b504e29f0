import { ConfigError } from '#config/config-error.js';

/** Errors that nobody throws on purpose: who reads of one needs the calls. */
const mistakes = ['TypeError', 'ReferenceError', 'RangeError', 'SyntaxError', 'AssertionError'];

/** Why something did not work, one line each; calls are shown for what is a mistake of ours only. */
export function reasons(error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.lines;
  if (!(error instanceof Error)) return [String(error)];
  if (mistakes.includes(error.name)) {
    return [`a mistake in the program: ${error.stack ?? error.message}`];
  }
  return [error.message];
}
