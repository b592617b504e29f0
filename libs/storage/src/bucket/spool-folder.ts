import { randomUUID } from 'node:crypto';
import { type FileHandle, open, statfs, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { StorageUnavailable } from '../storage-driver.js';

/** Of file systems that keep files in memory, by `statfs(2)`: tmpfs and ramfs. */
const inMemory = new Set([0x01021994, 0x858458f6]);

/** Where bytes wait that have no room in memory, in files without a name: a process that is killed leaves none. */
export class SpoolFolder {
  private constructor(
    readonly path: string,
    /** Whether its files take memory all the same. */
    readonly isMemory: boolean,
  ) {}

  /**
   * @param chosen by the configuration; else the folder for temporary files of the machine that is on a disk
   * @throws {StorageUnavailable} if nothing can be written to the chosen one
   */
  static async connect(chosen?: string): Promise<SpoolFolder> {
    if (chosen !== undefined) {
      const folder = new SpoolFolder(chosen, (await isInMemory(chosen)) === true);
      await (await folder.create()).close();
      return folder;
    }
    for (const path of [tmpdir(), '/var/tmp']) {
      if ((await isInMemory(path)) === false) return new SpoolFolder(path, false);
    }
    return new SpoolFolder(tmpdir(), true);
  }

  /** @throws {StorageUnavailable} */
  async create(): Promise<FileHandle> {
    const path = join(this.path, `holdfast-spool-${randomUUID()}`);
    try {
      const handle = await open(path, 'wx+', 0o600);
      // Where a file in use cannot lose its name it keeps it.
      await unlink(path).catch(() => undefined);
      return handle;
    } catch (error) {
      throw spoolFailure(this.path, error);
    }
  }
}

export function spoolFailure(folder: string, error: unknown): StorageUnavailable {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  const reason = `bytes of an upload find no place in the spool folder ${folder} (${code})`;
  return new StorageUnavailable(reason, { cause: error });
}

async function isInMemory(path: string): Promise<boolean | undefined> {
  try {
    return inMemory.has((await statfs(path)).type);
  } catch {
    return undefined; // There is no such folder, or nobody tells.
  }
}
