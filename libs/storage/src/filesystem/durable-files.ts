import { closeSync, fstatSync, fsync, open, write, writeSync } from 'node:fs';
import { link, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

import type { StoredFile } from '../storage-driver.js';
import { errnoOf, rootGone } from './errno.js';
import type { FolderSync } from './folder-sync.js';
import { linkUnlessThere } from './if-there.js';

/** Told before each step of a write. */
export type OnStep = (step: string) => void | Promise<void>;

/** A file that has its bytes but not yet its name. */
export interface PendingFile {
  readonly temporary: string;
  readonly path: string;
  readonly inode: number;
}

export interface DurableFilesOptions {
  /** Absolute; no name above it is ever made or synced. */
  readonly root: string;
  /** For files that have no name yet; on the same file system. It is there for as long as the root is. */
  readonly temporaryFolder: string;
  readonly newId: () => string;
  readonly folders: FolderSync;
  /** Whether the kernel answers without waiting for another machine. */
  readonly local: boolean;
  /** Whether an fsync of a folder covers every change of any folder made before it. */
  readonly ordered: boolean;
  readonly onStep: OnStep;
}

export interface PublishOptions {
  readonly volatile?: boolean;
  /** Folders that were changed before and become durable in the same wait. */
  readonly alsoChanged?: Iterable<string>;
}

const openFile = promisify(open);
const syncFd = promisify(fsync);
const writeFile = promisify(write);

/** Bytes. */
const mostInPlace = 64 * 1024;

/** A folder that is being removed by others all the time is an error, not a reason to try forever. */
const mostAttempts = 20;

/**
 * Puts files into place so that a crash leaves the old or the new. There are three waits: the bytes of all files, under
 * temporary names; the names of all but the last, with the folders; the name of the last.
 */
export class DurableFiles {
  constructor(private readonly options: DurableFilesOptions) {}

  /** Writes bytes under a temporary name, durably unless `volatile`. */
  async stage(file: StoredFile, { volatile = false } = {}): Promise<PendingFile> {
    const temporary = `${this.options.temporaryFolder}/${this.options.newId()}`;
    await this.options.onStep('stage');
    const fd = await this.#create(temporary);
    try {
      await this.#writeAll(fd, file.content);
      await this.options.onStep('sync staged');
      if (!volatile) await syncFd(fd);
      return { temporary, path: file.path, inode: fstatSync(fd).ino };
    } catch (error) {
      await this.#forget(temporary);
      throw error;
    } finally {
      closeSync(fd);
    }
  }

  /** Stages all of them side by side, or none. */
  async stageAll(files: readonly StoredFile[]): Promise<PendingFile[]> {
    const staged = await Promise.allSettled(files.map((file) => this.stage(file)));
    const pending = staged.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const failure = staged.find((one) => one.status === 'rejected');
    if (failure === undefined) return pending;
    await this.discard(pending);
    throw failure.reason;
  }

  /** Gives files their names, in order, and makes the names durable. */
  async publish(
    files: readonly PendingFile[],
    { volatile = false, alsoChanged = [] }: PublishOptions = {},
  ): Promise<void> {
    const changed = new Set<string>(alsoChanged);
    for (const file of files) {
      await this.options.onStep(`rename ${file.path}`);
      await this.#intoFolder(file.path, changed, () => rename(file.temporary, file.path));
    }
    if (!volatile) await this.sync(changed);
  }

  /** Gives a file its name unless there is one with that name; tells whether it did. Durable when it did. */
  async publishNew(file: PendingFile): Promise<boolean> {
    const changed = new Set<string>();
    let created = false;
    await this.options.onStep(`create ${file.path}`);
    await this.#intoFolder(file.path, changed, async () => {
      created = await linkUnlessThere(file.temporary, file.path);
      if (!created) await stat(file.path); // Without the folder neither is there: then it is made again.
    });
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

  /**
   * Names an existing file a second time, in the place of whatever has the name; `onNaming` is told before that may have
   * happened. Where the order of changes is not kept it is durable before anything else gets a name.
   * @returns the folders that are to be synced
   */
  async linkOver(
    existing: string,
    path: string,
    onNaming: () => void,
  ): Promise<ReadonlySet<string>> {
    const changed = new Set<string>();
    await this.options.onStep(`link ${path}`);
    await this.#intoFolder(path, changed, async () => {
      onNaming();
      try {
        await link(existing, path);
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST') throw error;
        await this.#replaceByLink(existing, path);
      }
    });
    if (!this.options.ordered) await this.sync(changed);
    return changed;
  }

  /**
   * Makes changes of folders durable, in the order in which they were made. Where one log holds all of them, syncing the
   * folder that was changed last writes the log up to there, and so everything before.
   */
  async sync(folders: Iterable<string>): Promise<void> {
    await this.options.onStep('sync folders');
    const changed = Array.from(folders);
    const needed = this.options.ordered ? changed.slice(-1) : changed;
    await Promise.all(needed.map((folder) => this.options.folders.sync(folder)));
  }

  async discard(files: readonly PendingFile[]): Promise<void> {
    await Promise.all(files.map((file) => this.#forget(file.temporary)));
  }

  /** Somebody may remove a folder, or its parent, while it is made or before its use; making it again is right as often as that happens. */
  async #intoFolder(
    path: string,
    changed: Set<string>,
    action: () => Promise<void>,
  ): Promise<void> {
    const folder = dirname(path);
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#makeFolder(folder, changed);
        await action();
        break;
      } catch (error) {
        // ENOTDIR is what Node's mkdir says when a parent goes while it works.
        const isGone = errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR';
        if (!isGone || attempt === mostAttempts) throw error;
      }
    }
    changed.delete(folder); // The last one is to stand last.
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

  async #replaceByLink(existing: string, path: string): Promise<void> {
    const temporary = `${this.options.temporaryFolder}/${this.options.newId()}`;
    await link(existing, temporary);
    try {
      await this.options.onStep(`replace ${path}`);
      await rename(temporary, path);
    } finally {
      await this.#forget(temporary); // rename(2) leaves it when both are the same file
    }
  }

  /** A small file goes into the kernel's memory in place: a thread's hand-over costs more. */
  async #writeAll(fd: number, content: Uint8Array): Promise<void> {
    const inPlace = this.options.local && content.length <= mostInPlace;
    for (let done = 0; done < content.length;) {
      const rest = content.length - done;
      done += inPlace
        ? writeSync(fd, content, done, rest)
        : (await writeFile(fd, content, done, rest)).bytesWritten;
    }
  }

  async #create(path: string): Promise<number> {
    try {
      return await openFile(path, 'wx', 0o644);
    } catch (error) {
      throw errnoOf(error) === 'ENOENT' ? rootGone(error) : error;
    }
  }

  /** What cannot be removed now is swept later: no reason to hide what went wrong before. */
  async #forget(temporary: string): Promise<void> {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}
