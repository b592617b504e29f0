import { readFile, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

import { ConfigError } from '#config/config-error.js';
import type { Log } from '#telemetry/log.js';

import type { FollowedFile } from '../access-controller.js';
import { createHtpasswdFile, type FirstAccount } from './create-htpasswd-file.js';
import { errnoOf } from './errno.js';
import { HtpasswdUsers } from './htpasswd-users.js';

export interface HtpasswdFileOptions {
  readonly log: Log;
  /** Shows the account of a file that was missing, once. A password belongs on the terminal, not in a log. */
  readonly show: (account: FirstAccount) => void;
  /** Milliseconds between two looks at the file. */
  readonly interval?: number;
  /** Milliseconds that a changed file must have stayed as it is, for tools that empty it and then write. */
  readonly settling?: number;
}

const largest = 16 * 1024 * 1024;

/** Milliseconds after a change in which another one may leave the same times behind (2 s on FAT). */
const clockGranularity = 2_000;

/**
 * The accounts of an htpasswd file, never more than about a second behind it. It is looked at by its name and not watched: that sees
 * edits, renames and the swaps of a link above it (Kubernetes' `..data`) alike, on every file system.
 */
export class HtpasswdFile implements FollowedFile {
  readonly what = 'htpasswd';
  #users = HtpasswdUsers.none;
  #text: string | undefined;
  #signature = '';
  #mayChangeUnseen = true;
  #complaint = '';
  #failures = 0;
  #looking: Promise<void> | undefined;
  readonly #timer: NodeJS.Timeout;

  private constructor(
    private readonly path: string,
    private readonly options: HtpasswdFileOptions,
  ) {
    this.#timer = setInterval(() => void this.look(), options.interval ?? 1_000).unref();
  }

  /** @throws {ConfigError} when the file cannot be used */
  static async open(path: string, options: HtpasswdFileOptions): Promise<HtpasswdFile> {
    const file = new HtpasswdFile(path, options);
    try {
      file.#load(await readOrCreate(path, options.show));
      return file;
    } catch (error) {
      file.close();
      throw new ConfigError([`auth.htpasswd.path: ${path}: ${reasonOf(error)}`]);
    }
  }

  get failures(): number {
    return this.#failures;
  }

  get users(): HtpasswdUsers {
    return this.#users;
  }

  /** Takes in what has changed. A file that is gone or cannot be used changes nothing, and is told about once. */
  look(): Promise<void> {
    this.#looking ??= this.#look()
      .then(
        () => (this.#complaint = ''),
        (error: unknown) => this.#complain(reasonOf(error)),
      )
      .then(() => (this.#looking = undefined));
    return this.#looking;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { signature, mtimeMs } = await identify(this.path);
    if (signature === this.#signature && !this.#mayChangeUnseen) return;
    const text = await read(this.path);
    if (text !== this.#text) {
      await delay(this.options.settling ?? 100, undefined, { ref: false });
      if ((await read(this.path)) !== text) return;
      this.#load(text);
    }
    this.#signature = signature;
    this.#mayChangeUnseen = Date.now() - mtimeMs < clockGranularity;
  }

  #load(text: string): void {
    const { path, options } = this;
    this.#users = HtpasswdUsers.parse(text);
    this.#text = text;
    options.log.info({ path, users: this.#users.size }, 'htpasswd file read');
    for (const { line, user, reason } of this.#users.refused) {
      options.log.warn({ path, line, user, reason }, 'htpasswd line lets nobody in');
    }
  }

  #complain(reason: string): void {
    if (reason === this.#complaint) return;
    this.#complaint = reason;
    this.#failures++;
    this.options.log.warn(
      { path: this.path, reason },
      'changed htpasswd file cannot be used: the accounts read before stay in force',
    );
  }
}

async function readOrCreate(path: string, show: (account: FirstAccount) => void): Promise<string> {
  try {
    return await read(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
  const account = await createHtpasswdFile(path);
  if (account !== undefined) show(account);
  return read(path);
}

async function read(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > largest) throw new Error('the file is larger than 16 MiB');
  return readFile(path, 'utf8');
}

async function identify(path: string): Promise<{ signature: string; mtimeMs: number }> {
  const { dev, ino, size, mtimeNs, ctimeNs, mtimeMs } = await stat(path, { bigint: true });
  return { signature: [dev, ino, size, mtimeNs, ctimeNs].join(':'), mtimeMs: Number(mtimeMs) };
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'no permission; the user that the registry runs as must be able to read it',
  EPERM: 'no permission; the user that the registry runs as must be able to read it',
  EROFS: 'the file is missing and cannot be made on a read-only file system',
  EISDIR: 'it is a folder, not a file',
};

function reasonOf(error: unknown): string {
  return reasons[errnoOf(error) ?? ''] ?? (error instanceof Error ? error.message : String(error));
}
