import { stat } from 'node:fs/promises';

import type { Log } from '#telemetry/log.js';

import type { Measured } from '../metrics/measured.js';

interface Watched {
  /** What they hold, in the words of the log and the metrics. */
  readonly what: string;
  /** The files by their names; what lies behind the names may change. */
  readonly files: readonly string[];
  /** Reads the files and takes them into use; throws where they do not fit together. */
  readonly apply: () => Promise<void>;
  readonly log: Pick<Log, 'info' | 'warn'>;
  readonly intervalMs?: number;
}

/**
 * Takes files into use when they change: certificates, secrets. The names are looked at, not watched: that sees edits,
 * renames and the swap of a link above them (Kubernetes' `..data`) alike, on every file system. New files that cannot be
 * used, or do not fit together (yet), leave the old ones in use.
 */
export class FileWatcher {
  readonly #watched: Watched;
  readonly #timer: NodeJS.Timeout;
  #signature: string;
  #failed = false;
  #failures = 0;
  #looking: Promise<void> | undefined;

  private constructor(watched: Watched, signature: string) {
    this.#watched = watched;
    this.#signature = signature;
    this.#timer = setInterval(() => void this.look(), watched.intervalMs ?? 1000).unref();
  }

  /** Call before the files are read for the first time: a change after that is seen. */
  static async start(watched: Watched): Promise<FileWatcher> {
    return new FileWatcher(watched, await signatureOf(watched.files));
  }

  /** Whether the newest files could not be used, so that older ones are in use. */
  get failed(): boolean {
    return this.#failed;
  }

  get what(): string {
    return this.#watched.what;
  }

  /** How often new files could not be used. */
  get failures(): number {
    return this.#failures;
  }

  /** Looks now; resolves when what is new is in use. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { what, files, apply, log } = this.#watched;
    const signature = await signatureOf(files);
    if (signature === this.#signature) return;
    this.#signature = signature;
    try {
      await apply();
      this.#failed = false;
      log.info({ files }, `${what} reloaded`);
    } catch (error) {
      this.#failed = true;
      this.#failures++;
      log.warn({ files, error }, `new ${what} cannot be used; the old one stays`);
    }
  }
}

/** How often changed files could not be used. */
export function reloadFailures(
  files: () => readonly (Pick<FileWatcher, 'what' | 'failures'> | undefined)[],
): Measured {
  return {
    kind: 'counter',
    name: 'holdfast_file_reload_failures_total',
    help: 'Changed files that could not be used, so that what they held before stays in use.',
    labelNames: ['file'],
    values: () =>
      files().flatMap((one) => (one ? [{ labels: { file: one.what }, value: one.failures }] : [])),
  };
}

async function signatureOf(files: readonly string[]): Promise<string> {
  const signatures = await Promise.all(
    files.map((file) =>
      stat(file, { bigint: true }).then(
        ({ dev, ino, size, mtimeNs, ctimeNs }) => [dev, ino, size, mtimeNs, ctimeNs].join(':'),
        () => 'missing',
      ),
    ),
  );
  return signatures.join(' ');
}
