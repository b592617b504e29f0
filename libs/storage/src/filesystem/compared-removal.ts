import { randomBytes } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { errnoOf } from './errno.js';
import {
  ifThere,
  linkUnlessThere,
  namesIn,
  readIfThere,
  renameIfThere,
  unlinkIfThere,
} from './if-there.js';

/** A lock is held for the time of a few renames. One this old (milliseconds) belongs to a process that died. */
const lockLifetime = 5_000;

/**
 * Removes a file if it has an expected content, while others replace it by rename.
 *
 * The file is renamed first (`link` to `link.held-<random>`), so that what is compared is what will be gone. It counts until
 * the renamed file is removed: whoever finds no `link` looks for a held one ({@link readHeld}). If it was not the expected
 * content it gets its name back, unless a newer file has that name by now. Writers never wait; those who remove exclude
 * each other by a lock file beside the file, so that a held file that one of them finds is what a dead process left.
 */
export class ComparedRemoval {
  async removeIf(file: string, expected: Uint8Array): Promise<boolean> {
    const current = await readIfThere(file);
    const held = await this.heldNames(file);
    if (held.length === 0 && !current?.equals(expected)) return false;
    return this.#locked(file, async () => {
      await this.#settleHeld(file);
      const mine = `${file}.held-${randomBytes(8).toString('hex')}`;
      if (!(await renameIfThere(file, mine))) return false;
      const matches = (await readIfThere(mine))?.equals(expected) ?? false;
      if (!matches) await linkUnlessThere(mine, file);
      return (await unlinkIfThere(mine)) && matches;
    });
  }

  /** The held content; `changing` when the file was found under neither name because it is being renamed. */
  async readHeld(file: string): Promise<Buffer | 'changing' | undefined> {
    const names = await namesIn(dirname(file));
    if (names.includes(basename(file))) return 'changing';
    const held = names.find((name) => name.startsWith(`${basename(file)}.held-`));
    if (held === undefined) return undefined;
    return (await readIfThere(join(dirname(file), held))) ?? 'changing';
  }

  async heldNames(file: string): Promise<string[]> {
    const prefix = `${basename(file)}.held-`;
    const names = await namesIn(dirname(file));
    return names.filter((name) => name.startsWith(prefix)).map((name) => join(dirname(file), name));
  }

  /** What a dead process held is still the content, unless a newer file took its place. */
  async #settleHeld(file: string): Promise<void> {
    for (const held of await this.heldNames(file)) {
      await linkUnlessThere(held, file);
      await unlinkIfThere(held);
    }
  }

  async #locked(file: string, action: () => Promise<boolean>): Promise<boolean> {
    const lock = `${file}.lock`;
    for (;;) {
      try {
        await (await open(lock, 'wx')).close();
        break;
      } catch (error) {
        const errno = errnoOf(error);
        if (errno === 'ENOENT' || errno === 'ENOTDIR') return false;
        if (errno !== 'EEXIST') throw error;
      }
      const taken = await ifThere(() => stat(lock));
      if (taken !== undefined && Date.now() - taken.mtimeMs > lockLifetime)
        await unlinkIfThere(lock);
      else await delay(2);
    }
    try {
      return await action();
    } finally {
      await unlinkIfThere(lock);
    }
  }
}
