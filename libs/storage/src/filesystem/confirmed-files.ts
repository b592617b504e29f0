import { statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

import { LRUCache } from 'lru-cache';

import type { DurableFiles, PendingFile } from './durable-files.js';
import { identityOf } from './small-files.js';

/** Whatever opens a file: it may be under another name at the moment. */
type Finding = <T>(read: (file: string) => Promise<T>) => Promise<T>;

/** Which files are known to survive a crash, as they were then: each is synced once for all who rely on it. */
export class ConfirmedFiles {
  readonly #known = new LRUCache<string, string>({ max: 20_000 });

  constructor(
    private readonly files: DurableFiles,
    private readonly local: boolean,
  ) {}

  /** Makes a file durable, whoever wrote it. `version` is of a look just taken. */
  async confirm(file: string, version: string, find: Finding): Promise<void> {
    if (this.#known.get(file) === version) return;
    const handle = await find<FileHandle>((path) => open(path, 'r'));
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await this.files.sync(this.files.foldersAbove(file));
    this.#known.set(file, version);
  }

  /** What was just written. On a local disk; elsewhere every question costs more than it saves. */
  remember({ path, inode }: PendingFile): void {
    if (!this.local) return;
    const found = statSync(path, { throwIfNoEntry: false });
    // Another's file, put there since, is durable only when that other one says so.
    if (found?.ino === inode) this.#known.set(path, identityOf(found));
  }
}
