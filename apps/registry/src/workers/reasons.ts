import { ConfigError } from '#config/config-error.js';

/** Why something did not work, one line each, without calls. */
export function reasons(error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.lines;
  return [error instanceof Error ? error.message : String(error)];
}
