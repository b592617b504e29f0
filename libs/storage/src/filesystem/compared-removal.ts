import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { mkdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import type { OnStep } from './durable-files.js';
import { errnoOf, isNotThere, rootGone } from './errno.js';
import type { FolderSync } from './folder-sync.js';
import {
  ifThere,
  isThere,
  linkUnlessThere,
  namesIn,
  readIfThere,
  unlinkIfThere,
} from './if-there.js';

/** Milliseconds without a change of owner after which a hold is taken over. Any number is safe; this one is polite. */
const patience = 1_000;

/** A reader that misses a file under its name and where it is held looks again, this often at most. */
const mostRounds = 20;

export interface ComparedRemovalOptions {
  /** Absolute; for holds. On the same file system as the files. */
  readonly folder: string;
  readonly temporaryFolder: string;
  /** Whether asking for a name costs less than handing the question to a thread. */
  readonly local: boolean;
  readonly folders: FolderSync;
  readonly newId: () => string;
  readonly onStep: OnStep;
}

/** A folder of one owner, and where the file is while it is compared. */
interface Hold {
  readonly folder: string;
  readonly owned: string;
  readonly held: string;
}

/**
 * Removes a file if it has an expected content, while others replace it by rename.
 *
 * The file is moved away first, so that what is compared is what will be gone. It counts until the moved file is removed:
 * whoever finds none under its name looks where it would be held ({@link find}). If it was not the expected content it gets
 * its name back, unless a newer file has that name by now. Those who write never wait.
 *
 * Those who remove exclude each other by a folder per file, `<hold>/<owner>/`, put there whole by one rename that fails if
 * there is one. An owner that died, or sleeps, is replaced by renaming `<owner>`: every later step of the old owner names a
 * path that is gone, so it fails and changes nothing.
 */
export class ComparedRemoval {
  constructor(private readonly options: ComparedRemovalOptions) {}

  async removeIf(file: string, expected: Uint8Array): Promise<boolean> {
    for (;;) {
      const current = await ifThere(() => this.find(file, (path) => readFile(path)));
      if (!current?.equals(expected)) return false;
      const outcome = await this.#owning(file, (hold) => this.#removeHeld(file, hold, expected));
      if (outcome !== 'lost') return outcome;
    }
  }

  /** Removes a file, under its name and where a dead owner holds it. */
  async remove(file: string): Promise<void> {
    try {
      for (let lost = true; lost;) {
        lost = await this.#owning(file, async ({ owned }) => {
          await this.options.onStep(`remove ${file}`);
          await unlinkIfThere(file);
          return !(await isThere(owned)); // Then another may have held it meanwhile.
        });
      }
    } catch (error) {
      // A full disk must still be able to lose something.
      const errno = errnoOf(error);
      if (errno !== 'ENOSPC' && errno !== 'EDQUOT') throw error;
      await unlinkIfThere(file);
    }
  }

  /** Runs an action while no one compares the file, and none is held. */
  async undisturbed<T>(file: string, action: () => Promise<T>): Promise<T> {
    return this.#owning(file, action);
  }

  /**
   * Reads a file under its name or where it is held. When both fail without a hold there is none.
   * @throws the error of `read` under the file's own name
   */
  async find<T>(file: string, read: (path: string) => Promise<T>): Promise<T> {
    let misses = 0;
    for (let round = 1; ; round++) {
      try {
        return await read(file);
      } catch (error) {
        if (!isNotThere(error)) throw error;
        if (this.options.local && this.#isAbsent(file)) throw error;
        const held = await this.#holdOf(file);
        misses = held === undefined ? misses + 1 : 0;
        if (misses === 2 || round === mostRounds) throw error;
        const found = held && (await ifThere(async () => ({ value: await read(held) })));
        if (found) return found.value;
      }
    }
  }

  /** Neither held nor there, asked in place: most files that are asked for in vain are those that are being pushed. */
  #isAbsent(file: string): boolean {
    const isMissing = (path: string) => statSync(path, { throwIfNoEntry: false }) === undefined;
    return isMissing(this.#folderOf(file)) && isMissing(file);
  }

  /** Gives back what dead owners hold. Safe at any time: an owner that lives loses its hold and begins again. */
  async settleAll(): Promise<void> {
    for (const key of await namesIn(this.options.folder)) {
      const folder = join(this.options.folder, key);
      const [owner] = await namesIn(folder);
      const file = owner && (await readIfThere(join(folder, owner, 'path')))?.toString();
      // A power loss may have left a path that is not whole: who asks for the file still finds what is held.
      if (file && this.#folderOf(file) === folder) await this.#owning(file, async () => {});
      else await this.#removeEmpty(folder, owner);
    }
  }

  async #removeHeld(file: string, hold: Hold, expected: Uint8Array): Promise<boolean | 'lost'> {
    await this.options.onStep(`hold ${file}`);
    const moved = await ifThere(() => rename(file, hold.held).then(() => true));
    // NFS sends a lost request again, which then finds that it was done.
    if (moved === undefined && !(await isThere(hold.held))) {
      return (await isThere(hold.owned)) ? false : 'lost';
    }
    const content = await readIfThere(hold.held);
    if (content === undefined) return 'lost';
    if (content.equals(expected)) {
      await this.options.onStep(`remove ${file}`);
      return (await unlinkIfThere(hold.held)) ? true : 'lost';
    }
    await this.#giveBack(file, hold);
    return false;
  }

  /** What is held is the content, unless a newer file took its name. */
  async #giveBack(file: string, { held }: Hold): Promise<void> {
    while (await isThere(held)) {
      await this.options.onStep(`give back ${file}`);
      if (!(await linkUnlessThere(held, file)) && !(await isThere(file))) {
        await mkdir(dirname(file), { recursive: true });
        continue;
      }
      await this.options.folders.sync(dirname(file));
      await this.options.onStep(`let go ${file}`);
      await unlinkIfThere(held);
    }
  }

  async #owning<T>(file: string, action: (hold: Hold) => Promise<T>): Promise<T> {
    const hold = await this.#acquire(file);
    try {
      await this.#giveBack(file, hold);
      return await action(hold);
    } finally {
      if (!(await isThere(hold.held))) await this.#release(hold);
    }
  }

  async #acquire(file: string): Promise<Hold> {
    const owner = this.options.newId();
    const prepared = join(this.options.temporaryFolder, owner);
    const folder = this.#folderOf(file);
    const owned = join(folder, owner);
    await this.options.onStep(`prepare hold ${file}`);
    try {
      await mkdir(prepared);
      await mkdir(join(prepared, owner));
      await writeFile(join(prepared, owner, 'path'), file);
      await this.options.onStep(`acquire hold ${file}`);
      await this.#place(prepared, { file, folder, owner });
    } catch (error) {
      await rm(prepared, { recursive: true, force: true }).catch(() => undefined);
      throw errnoOf(error) === 'ENOENT' ? rootGone(error) : error;
    }
    return { folder, owned, held: join(owned, 'held') };
  }

  async #place(
    prepared: string,
    { file, folder, owner }: { file: string; folder: string; owner: string },
  ): Promise<void> {
    let seen: string | undefined;
    let since = performance.now();
    for (;;) {
      try {
        return await rename(prepared, folder); // In the place of nothing, or of an empty folder.
      } catch (error) {
        const errno = errnoOf(error);
        if (errno !== 'ENOTEMPTY' && errno !== 'EEXIST') throw error;
      }
      const [present] = await namesIn(folder);
      if (present !== seen) {
        seen = present;
        since = performance.now();
      } else if (present !== undefined && performance.now() - since > patience) {
        await this.options.onStep(`take over ${folder}`);
        const taken = await ifThere(() =>
          rename(join(folder, present), join(folder, owner)).then(() => true),
        );
        if (taken) {
          await rm(prepared, { recursive: true, force: true });
          await ifThere(() => writeFile(join(folder, owner, 'path'), file));
          return;
        }
      }
      await delay(2);
    }
  }

  async #release({ folder, owned }: Hold): Promise<void> {
    await this.options.onStep(`release ${folder}`);
    await unlinkIfThere(join(owned, 'path'));
    await removeIfEmpty(owned);
    await removeIfEmpty(folder);
  }

  async #removeEmpty(folder: string, owner: string | undefined): Promise<void> {
    if (owner !== undefined && !(await isThere(join(folder, owner, 'held')))) {
      await unlinkIfThere(join(folder, owner, 'path'));
      await removeIfEmpty(join(folder, owner));
    }
    await removeIfEmpty(folder);
  }

  async #holdOf(file: string): Promise<string | undefined> {
    const folder = this.#folderOf(file);
    if (this.options.local && !existsSync(folder)) return undefined;
    const [owner] = await namesIn(folder);
    return owner === undefined ? undefined : join(folder, owner, 'held');
  }

  #folderOf(file: string): string {
    const key = createHash('sha256').update(file).digest('hex').slice(0, 32);
    return join(this.options.folder, key);
  }
}

async function removeIfEmpty(folder: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== 'ENOENT' && errno !== 'ENOTEMPTY' && errno !== 'EEXIST') throw error;
  }
}
