import { link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import type { StoredFile } from '../storage-driver.js';
import { errnoOf } from './errno.js';
import type { FolderSync } from './folder-sync.js';
import { linkUnlessThere } from './if-there.js';

/** A file that has its bytes but not yet its name. */
export interface PendingFile {
  readonly temporary: string;
  readonly path: string;
}

export interface DurableFilesOptions {
  /** Absolute; no name above it is ever made or synced. */
  readonly root: string;
  /** For files that have no name yet; on the same file system. */
  readonly temporaryFolder: string;
  readonly newId: () => string;
  readonly folders: FolderSync;
  /** Whether an fsync of a folder covers the earlier making of its parents, by whomever. */
  readonly ordered: boolean;
  /** Told before each step of a write: the seam at which tests end the process. */
  readonly onStep: (step: string) => void;
}

export interface PublishOptions {
  readonly volatile?: boolean;
  /** Folders that were changed before and become durable in the same wait. */
  readonly alsoChanged?: Iterable<string>;
}

/**
 * Puts files into place so that a crash leaves the old or the new. There are three waits: the bytes of all files, under
 * temporary names; the names of all but the last, with the folders; the name of the last.
 */
export class DurableFiles {
  constructor(private readonly options: DurableFilesOptions) {}

  /** Writes bytes under a temporary name, durably unless `volatile`. */
  async stage(file: StoredFile, { volatile = false } = {}): Promise<PendingFile> {
    const temporary = `${this.options.temporaryFolder}/${this.options.newId()}`;
    this.options.onStep('stage');
    const handle = await this.#create(temporary);
    try {
      await handle.writeFile(file.content);
      if (!volatile) await handle.sync();
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
    return { temporary, path: file.path };
  }

  /** Gives files their names, in order, and makes the names durable. */
  async publish(
    files: readonly PendingFile[],
    { volatile = false, alsoChanged = [] }: PublishOptions = {},
  ): Promise<void> {
    const changed = new Set<string>(alsoChanged);
    for (const file of files) {
      this.options.onStep(`rename ${file.path}`);
      await this.#intoFolder(file.path, changed, () => rename(file.temporary, file.path));
    }
    if (!volatile) await this.sync(changed);
  }

  /** Gives a file its name unless there is one with that name; tells whether it did. Durable when it did. */
  async publishNew(file: PendingFile): Promise<boolean> {
    const changed = new Set<string>();
    let created = false;
    await this.#intoFolder(file.path, changed, async () => {
      created = await linkUnlessThere(file.temporary, file.path);
      if (!created) await stat(file.path); // Without the folder neither is there: then it is made again.
    });
    await this.discard([file]);
    if (created) await this.sync(changed);
    return created;
  }

  /** Folders to sync so that a file that somebody else wrote survives. */
  foldersAbove(path: string): string[] {
    const folders = [dirname(path)];
    if (this.options.ordered) return folders;
    for (let folder = dirname(path); folder.length > this.options.root.length;) {
      folder = dirname(folder);
      folders.push(folder);
    }
    return folders;
  }

  /** Names an existing file a second time, in the place of whatever has the name. Adds the folders to be synced to `changed`. */
  async linkOver(existing: string, path: string, changed: Set<string>): Promise<void> {
    this.options.onStep(`link ${path}`);
    await this.#intoFolder(path, changed, async () => {
      try {
        await link(existing, path);
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST') throw error;
        const temporary = `${this.options.temporaryFolder}/${this.options.newId()}`;
        await link(existing, temporary);
        await rename(temporary, path);
        await rm(temporary, { force: true }); // rename(2) leaves it when both are the same file
      }
    });
  }

  async sync(folders: Iterable<string>): Promise<void> {
    this.options.onStep('sync folders');
    await Promise.all(Array.from(folders, (folder) => this.options.folders.sync(folder)));
  }

  async discard(files: readonly PendingFile[]): Promise<void> {
    await Promise.all(files.map((file) => rm(file.temporary, { force: true })));
  }

  async #create(path: string) {
    try {
      return await open(path, 'wx', 0o644);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
      await mkdir(dirname(path), { recursive: true });
      return open(path, 'wx', 0o644);
    }
  }

  /** Somebody may remove a folder between its making and its use; making it again is right as often as that happens. */
  async #intoFolder(
    path: string,
    changed: Set<string>,
    action: () => Promise<void>,
  ): Promise<void> {
    const folder = dirname(path);
    for (let attempt = 1; ; attempt++) {
      await this.#makeFolder(folder, changed);
      try {
        await action();
        break;
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT' || attempt === 5) throw error;
      }
    }
    changed.add(folder);
  }

  async #makeFolder(folder: string, changed: Set<string>): Promise<void> {
    const firstMade = await mkdir(folder, { recursive: true });
    if (firstMade === undefined && this.options.ordered) return;
    const top = firstMade === undefined ? this.options.root : dirname(firstMade);
    for (let parent = dirname(folder); parent.length >= top.length; parent = dirname(parent)) {
      changed.add(parent);
      if (parent === top) break;
    }
  }
}
