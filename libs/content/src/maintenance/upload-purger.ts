import { PathNotFound, type StorageDriver } from '#storage/storage-driver.js';

import { repositoriesFolder } from '../paths.js';

export interface PurgeOptions {
  /** Removes nothing. */
  readonly dryRun: boolean;
  /** Ends the round before the next removal. */
  readonly signal?: AbortSignal | undefined;
  /** Told what could not be looked at or removed; the round goes on. */
  readonly onFailure: (path: string, error: unknown) => void;
}

/** No repository lies deeper; a link that leads back into its own folder would have no end. */
const longestName = 255;

/** Removes uploads that nobody finished: ours, and those that Distribution left in the repositories' `_uploads`. */
export class UploadPurger {
  constructor(private readonly driver: StorageDriver) {}

  /**
   * @param before milliseconds since 1970; what was written to since is kept
   * @returns the paths that were removed, or would be
   */
  async *purge(before: number, options: PurgeOptions): AsyncGenerator<string> {
    yield* this.#sweepOurs(before, options);
    yield* this.#purgeRepositories(repositoriesFolder, before, options);
  }

  async *#sweepOurs(before: number, options: PurgeOptions): AsyncGenerator<string> {
    try {
      for await (const path of this.driver.uploads.sweep(before, options)) {
        yield path;
        if (options.signal?.aborted) return;
      }
    } catch (error) {
      options.onFailure('uploads', error);
    }
  }

  async *#purgeRepositories(
    folder: string,
    before: number,
    options: PurgeOptions,
  ): AsyncGenerator<string> {
    for (const name of await this.#foldersIn(folder, options)) {
      if (options.signal?.aborted) return;
      const path = `${folder}/${name}`;
      if (name === '_uploads') {
        yield* this.#purgeUploads(path, before, options);
      } else if (!name.startsWith('_') && path.length <= repositoriesFolder.length + longestName) {
        yield* this.#purgeRepositories(path, before, options);
      }
    }
  }

  async *#purgeUploads(
    folder: string,
    before: number,
    options: PurgeOptions,
  ): AsyncGenerator<string> {
    for (const name of await this.#foldersIn(folder, options)) {
      if (options.signal?.aborted) return;
      const path = `${folder}/${name}`;
      try {
        if (await this.#isWrittenSince(path, before)) continue;
        if (!options.dryRun) await this.driver.removeTree(path);
      } catch (error) {
        options.onFailure(path, error);
        continue;
      }
      yield path;
    }
  }

  async #foldersIn(folder: string, { onFailure }: PurgeOptions): Promise<string[]> {
    try {
      const found = await this.driver.list(folder);
      return found.filter(({ kind }) => kind === 'folder').map(({ name }) => name);
    } catch (error) {
      onFailure(folder, error);
      return [];
    }
  }

  /** Distribution writes `startedat` once, `data` as bytes come, and `hashstates` after each chunk; any may be missing. */
  async #isWrittenSince(folder: string, before: number): Promise<boolean> {
    for (const { name, kind } of await this.driver.list(folder)) {
      const path = `${folder}/${name}`;
      const since =
        kind === 'folder'
          ? await this.#isWrittenSince(path, before)
          : (await this.#modifiedAt(path)) >= before;
      if (since) return true;
    }
    return false;
  }

  /** Of a file that is gone by now: never. */
  async #modifiedAt(path: string): Promise<number> {
    try {
      return (await this.driver.stat(path)).modifiedAt;
    } catch (error) {
      if (error instanceof PathNotFound) return 0;
      throw error;
    }
  }
}
