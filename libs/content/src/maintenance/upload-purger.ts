import { PathNotFound, type StorageDriver } from '#storage/storage-driver.js';

import { repositoriesFolder } from '../paths.js';

/** Removes uploads that nobody finished: ours, and those that Distribution left in the repositories' `_uploads`. */
export class UploadPurger {
  constructor(private readonly driver: StorageDriver) {}

  /**
   * @param before milliseconds since 1970; what was written to since is kept
   * @returns the paths that were removed, or would be
   */
  async *purge(before: number, { dryRun }: { dryRun: boolean }): AsyncGenerator<string> {
    yield* this.driver.uploads.sweep(before, { dryRun });
    yield* this.#purgeFolder(repositoriesFolder, before, dryRun);
  }

  async *#purgeFolder(folder: string, before: number, dryRun: boolean): AsyncGenerator<string> {
    for (const { name, kind } of await this.driver.list(folder)) {
      if (kind !== 'folder') continue;
      const path = `${folder}/${name}`;
      if (name === '_uploads') yield* this.#purgeUploads(path, before, dryRun);
      else if (!name.startsWith('_')) yield* this.#purgeFolder(path, before, dryRun);
    }
  }

  async *#purgeUploads(folder: string, before: number, dryRun: boolean): AsyncGenerator<string> {
    for (const { name } of await this.driver.list(folder)) {
      const path = `${folder}/${name}`;
      if ((await this.#lastWrite(path)) >= before) continue;
      if (!dryRun) await this.driver.removeTree(path);
      yield path;
    }
  }

  /** Distribution writes the data for as long as the upload lives, and `startedat` once. */
  async #lastWrite(upload: string): Promise<number> {
    const times = await Promise.all(
      [`${upload}/data`, `${upload}/startedat`, upload].map(async (path) => {
        try {
          return (await this.driver.stat(path)).modifiedAt;
        } catch (error) {
          if (error instanceof PathNotFound) return 0;
          throw error;
        }
      }),
    );
    return Math.max(...times);
  }
}
