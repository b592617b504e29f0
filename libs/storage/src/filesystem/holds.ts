import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { mkdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import type { OnStep } from './durable-files.js';
import { errnoOf, isFull, rootGone } from './errno.js';
import { ifThere, isThere, namesIn, readIfThere, unlinkIfThere } from './if-there.js';

/** Milliseconds without a change of owner after which a hold is taken over. Any number is safe; this one is polite. */
const patience = 1_000;

export interface HoldsOptions {
  /** Absolute; for holds. On the same file system as the files. */
  readonly folder: string;
  readonly temporaryFolder: string;
  /** Whether asking for a name costs less than handing the question to a thread. */
  readonly local: boolean;
  readonly newId: () => string;
  readonly onStep: OnStep;
}

/** A folder of one owner, and where the file is while it is compared. */
export interface Hold {
  readonly file: string;
  readonly folder: string;
  readonly owned: string;
  readonly held: string;
}

/**
 * Those who remove one file exclude each other by a folder per file, `<hold>/<owner>/`, put there whole by one rename that
 * fails if there is one. An owner that died, or sleeps, is replaced by renaming `<owner>`: every later step of the old owner
 * names a path that is gone, so it fails and changes nothing.
 */
export class Holds {
  constructor(private readonly options: HoldsOptions) {}

  /** @throws an error that {@link isFull} knows, when the disk has no space for a hold and nobody has one that could be taken over */
  async acquire(file: string): Promise<Hold> {
    const owner = this.options.newId();
    const folder = this.#folderOf(file);
    const owned = join(folder, owner);
    const hold = { file, folder, owned, held: join(owned, 'held') };
    const prepared = join(this.options.temporaryFolder, owner);
    await this.options.onStep(`prepare hold ${file}`);
    try {
      const full = await fullnessMet(async () => {
        await mkdir(prepared);
        await mkdir(join(prepared, owner));
        await writeFile(join(prepared, owner, 'path'), file);
      });
      if (full !== undefined) await discard(prepared);
      await this.options.onStep(`acquire hold ${file}`);
      const isPlaced = await this.#place(hold, full === undefined ? prepared : undefined);
      if (!isPlaced) throw full;
    } catch (error) {
      await discard(prepared);
      throw errnoOf(error) === 'ENOENT' ? rootGone(error) : error;
    }
    return hold;
  }

  async release({ folder, owned }: Hold): Promise<void> {
    await this.options.onStep(`release ${folder}`);
    await unlinkIfThere(join(owned, 'path'));
    await removeIfEmpty(owned);
    await removeIfEmpty(folder);
  }

  /** Where the file is if somebody holds it. */
  async heldOf(file: string): Promise<string | undefined> {
    const folder = this.#folderOf(file);
    if (this.options.local && !existsSync(folder)) return undefined;
    const [owner] = await namesIn(folder);
    return owner === undefined ? undefined : join(folder, owner, 'held');
  }

  /** Whether nobody can hold the file; asked in place. */
  isFree(file: string): boolean {
    return statSync(this.#folderOf(file), { throwIfNoEntry: false }) === undefined;
  }

  /** The files that somebody holds. What is left of holds without a file is removed. */
  async *heldFiles(): AsyncIterable<string> {
    for (const key of await namesIn(this.options.folder)) {
      const folder = join(this.options.folder, key);
      const [owner] = await namesIn(folder);
      const file = owner && (await readIfThere(join(folder, owner, 'path')))?.toString();
      // A power loss may have left a path that is not whole: who asks for the file still finds what is held.
      if (file && this.#folderOf(file) === folder) yield file;
      else await this.#removeEmpty(folder, owner);
    }
  }

  /** Whether it is; without a folder that was prepared only in the place of another's. */
  async #place({ file, folder, owned }: Hold, prepared: string | undefined): Promise<boolean> {
    let seen: string | undefined;
    let since = performance.now();
    for (;;) {
      if (prepared !== undefined && (await renameIfFree(prepared, folder))) return true;
      const [present] = await namesIn(folder);
      if (present === undefined && prepared === undefined) return false;
      if (present !== seen) {
        seen = present;
        since = performance.now();
      } else if (present !== undefined && performance.now() - since > patience) {
        await this.options.onStep(`take over ${folder}`);
        const taken = await ifThere(() => rename(join(folder, present), owned).then(() => true));
        if (taken) {
          if (prepared !== undefined) await discard(prepared);
          await writePath(join(owned, 'path'), file);
          return true;
        }
      }
      await delay(2);
    }
  }

  async #removeEmpty(folder: string, owner: string | undefined): Promise<void> {
    if (owner !== undefined && !(await isThere(join(folder, owner, 'held')))) {
      await unlinkIfThere(join(folder, owner, 'path'));
      await removeIfEmpty(join(folder, owner));
    }
    await removeIfEmpty(folder);
  }

  #folderOf(file: string): string {
    const key = createHash('sha256').update(file).digest('hex').slice(0, 32);
    return join(this.options.folder, key);
  }
}

/** Mostly it is there already, and a full disk would cut it without taking the new one. */
async function writePath(pathFile: string, file: string): Promise<void> {
  if ((await readIfThere(pathFile))?.toString() === file) return;
  try {
    await ifThere(() => writeFile(pathFile, file));
  } catch (error) {
    if (!isFull(error)) throw error; // Who asks for the file finds what is held also without.
  }
}

/** In the place of nothing, or of an empty folder. */
async function renameIfFree(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOTEMPTY' || errno === 'EEXIST') return false;
    throw error;
  }
}

/** Why the disk did not take what the action writes, if it is full. */
async function fullnessMet(action: () => Promise<void>): Promise<unknown> {
  try {
    await action();
    return undefined;
  } catch (error) {
    if (!isFull(error)) throw error;
    return error;
  }
}

async function discard(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true }).catch(() => undefined);
}

async function removeIfEmpty(folder: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== 'ENOENT' && errno !== 'ENOTEMPTY' && errno !== 'EEXIST') throw error;
  }
}
