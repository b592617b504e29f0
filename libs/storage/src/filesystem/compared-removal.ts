import { linkSync, readFileSync, renameSync, statSync, unlinkSync } from 'node:fs';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { errnoOf, isFull, isNotThere } from './errno.js';
import type { FolderSync } from './folder-sync.js';
import { type Hold, Holds, type HoldsOptions } from './holds.js';
import {
  ifThere,
  isThere,
  linkUnlessThere,
  readIfThere,
  unlinkIfSame,
  unlinkIfThere,
} from './if-there.js';

/** A reader that misses a file under its name and where it is held looks again, this often at most. */
const mostRounds = 20;

export interface ComparedRemovalOptions extends HoldsOptions {
  readonly folders: FolderSync;
  /** Whether an fsync of a folder covers every change of any folder made before the last of its own. */
  readonly ordered: boolean;
}

/**
 * Removes a file if it has an expected content, while others replace it by rename.
 *
 * The file is moved away first, so that what is compared is what will be gone. It counts until the moved file is removed:
 * whoever finds none under its name looks where it would be held ({@link find}). If it was not the expected content it gets
 * its name back, unless a newer file has that name by now. Those who write never wait; those who remove exclude each other
 * ({@link Holds}).
 */
export class ComparedRemoval {
  readonly #holds: Holds;

  constructor(private readonly options: ComparedRemovalOptions) {
    this.#holds = new Holds(options);
  }

  /** Durable when it did. */
  async removeIf(file: string, expected: Uint8Array): Promise<boolean> {
    for (;;) {
      const current = await ifThere(() => this.find(file, (path) => readFile(path)));
      if (!current?.equals(expected)) return false;
      let full: unknown;
      const hold = await this.#holds.acquire(file).catch((error: unknown) => {
        if (!isFull(error)) throw error;
        full = error;
      });
      const outcome = hold
        ? await this.#releasing(hold, () => this.#removeHeld(hold, expected))
        : await this.#removeUnheld(file, expected);
      if (outcome !== 'lost') return outcome;
      if (!hold && (await this.#isHeld(file))) throw full; // Nor could the dead owner be replaced.
    }
  }

  /** Removes a file, under its name and where a dead owner holds it. */
  async remove(file: string): Promise<void> {
    try {
      for (let lost = true; lost;) {
        lost = await this.undisturbed(file, async ({ owned }) => {
          await this.options.onStep(`remove ${file}`);
          await unlinkIfThere(file);
          return !(await isThere(owned)); // Then another may have held it meanwhile.
        });
      }
    } catch (error) {
      // A full disk must still be able to lose something.
      if (!isFull(error)) throw error;
      await this.#removeWherever(file);
    }
  }

  /** Runs an action while no one compares the file, and none is held. */
  async undisturbed<T>(file: string, action: (hold: Hold) => Promise<T>): Promise<T> {
    return this.#owning(file, async (hold) => {
      await this.#giveBack(hold);
      return action(hold);
    });
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
        const held = await this.#holds.heldOf(file);
        misses = held === undefined ? misses + 1 : 0;
        if (misses === 2 || round === mostRounds) throw error;
        const found = held && (await ifThere(async () => ({ value: await read(held) })));
        if (found) return found.value;
      }
    }
  }

  /** Neither held nor there, asked in place: most files that are asked for in vain are those that are being pushed. */
  #isAbsent(file: string): boolean {
    return this.#holds.isFree(file) && statSync(file, { throwIfNoEntry: false }) === undefined;
  }

  /** Gives back what dead owners hold. Safe at any time: an owner that lives loses its hold and begins again. */
  async settleAll(): Promise<void> {
    for await (const file of this.#holds.heldFiles()) await this.undisturbed(file, async () => {});
  }

  async #removeHeld(hold: Hold, expected: Uint8Array): Promise<boolean | 'lost'> {
    const { file } = hold;
    await this.options.onStep(`hold ${file}`);
    await unlinkIfSame(hold.held, file);
    const moved = await ifThere(() => rename(file, hold.held).then(() => true));
    // A dead owner may have moved it; and NFS sends a lost request again, which then finds that it was done.
    if (moved === undefined && !(await isThere(hold.held))) {
      return (await isThere(hold.owned)) ? false : 'lost';
    }
    const content = await readIfThere(hold.held);
    if (content === undefined) return 'lost';
    if (content.equals(expected)) {
      await this.options.onStep(`remove ${file}`);
      return (await this.#unlinkHeld(hold)) ? true : 'lost';
    }
    await this.#giveBack(hold);
    return false;
  }

  /**
   * The removal is the last change of the hold's folder, and not of the one that the file was in: another's fsync may have put
   * the move on the disk since, and then the disk has nothing left to do for that one.
   */
  async #unlinkHeld({ file, owned, held }: Hold): Promise<boolean> {
    const folder = await ifThere(() => open(owned, 'r')); // Before: afterwards it may be another's, under another name.
    if (folder === undefined) return false;
    try {
      if (!(await unlinkIfThere(held))) return false;
      await folder.sync();
    } finally {
      await folder.close();
    }
    if (!this.options.ordered) await this.#syncIfThere(dirname(file));
    return true;
  }

  /**
   * Without a hold, for which a full disk has no space. Should a newer file have come since it was compared, which takes space
   * too, readers may miss that one for the microseconds until it has its name back, and a crash in them loses it.
   */
  async #removeUnheld(file: string, expected: Uint8Array): Promise<boolean | 'lost'> {
    const moved = join(this.options.temporaryFolder, this.options.newId());
    await this.options.onStep(`remove ${file} without a hold`);
    try {
      renameSync(file, moved);
    } catch (error) {
      if (isNotThere(error)) return 'lost'; // It is gone, or held by now.
      throw error;
    }
    const isExpected = readFileSync(moved).equals(expected);
    if (!isExpected) linkSyncUnlessThere(moved, file);
    unlinkSync(moved);
    await this.#syncIfThere(dirname(file));
    return isExpected;
  }

  /** The same, whatever it is. Whoever holds it at this moment may give it back. */
  async #removeWherever(file: string): Promise<void> {
    for (let round = 1; round <= mostRounds; round++) {
      const held = await this.#holds.heldOf(file);
      const wasHeld = held !== undefined && (await unlinkIfThere(held));
      if (wasHeld) await this.#syncIfThere(dirname(held));
      if (!(await unlinkIfThere(file)) && !wasHeld) return;
    }
  }

  /** What is held is the content, unless a newer file took its name. */
  async #giveBack({ file, owned, held }: Hold): Promise<void> {
    while (await isThere(held)) {
      await this.options.onStep(`give back ${file}`);
      if (!(await linkUnlessThere(held, file)) && !(await isThere(file))) {
        await mkdir(dirname(file), { recursive: true });
        continue;
      }
      await this.options.folders.sync(dirname(file));
      await this.options.onStep(`let go ${file}`);
      await unlinkIfThere(held);
      // Else it may be back after a power loss, when the file that took its name was removed.
      if (!this.options.ordered) await this.#syncIfThere(owned);
    }
  }

  async #owning<T>(file: string, action: (hold: Hold) => Promise<T>): Promise<T> {
    const hold = await this.#holds.acquire(file);
    return this.#releasing(hold, () => action(hold));
  }

  /** What failed and left the file where it is held leaves the hold too: whoever comes next takes it over. */
  async #releasing<T>(hold: Hold, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } finally {
      if (!(await isThere(hold.held))) await this.#holds.release(hold);
    }
  }

  async #isHeld(file: string): Promise<boolean> {
    const held = await this.#holds.heldOf(file);
    return held !== undefined && (await isThere(held));
  }

  async #syncIfThere(folder: string): Promise<void> {
    await ifThere(() => this.options.folders.sync(folder));
  }
}

function linkSyncUnlessThere(existing: string, path: string): void {
  try {
    linkSync(existing, path);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}
