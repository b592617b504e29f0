import { ConfigError } from '#config/config-error.js';
import { StartupError } from '#registry/startup-error.js';

/** A command that cannot do what it was asked, in words for who asked. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  constructor(
    message: string,
    readonly exitCode = 1,
  ) {
    super(message);
  }
}

/** Says why a command failed, one line per reason; calls are shown for what is a mistake of ours only. */
export function failure(error: unknown): number {
  for (const line of reasons(error)) process.stderr.write(`holdfast: ${line}\n`);
  return error instanceof CommandError ? error.exitCode : 1;
}

function reasons(error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.lines;
  if (error instanceof StartupError || error instanceof CommandError) return [error.message];
  if (!(error instanceof Error)) return [String(error)];
  // What the system refuses says itself what and where: "EACCES: permission denied, open '/etc/…'".
  if ('syscall' in error) return [error.message];
  return [`a mistake in the program: ${error.stack ?? error.message}`];
}
