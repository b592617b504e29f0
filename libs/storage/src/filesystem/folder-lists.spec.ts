import type { Stats } from 'node:fs';

import { describe, expect, it } from '@jest/globals';

import type { StoredEntry } from '../storage-driver.js';
import { FolderLists } from './folder-lists.js';

const entry = (name: string): StoredEntry => ({ name, kind: 'file' });

/** A folder whose times move in ticks: two changes within one cannot be told apart. */
class CoarseFolder {
  #entries: readonly StoredEntry[] = [];
  #tick = 0;
  /** What happens between the reading and its answer. */
  whenRead: () => Promise<void> = async () => {};

  add(name: string, tick: number): void {
    this.#entries = [...this.#entries, entry(name)];
    this.#tick = tick;
  }

  readonly stat = (): Stats => {
    return { dev: 1, ino: 2, size: 4096, mtimeMs: this.#tick, ctimeMs: this.#tick } as Stats;
  };

  readonly entries = async (): Promise<readonly StoredEntry[]> => {
    const found = this.#entries;
    await this.whenRead();
    return found;
  };
}

describe('FolderLists', () => {
  it('keeps no list that was read within the tick in which the folder changed', async () => {
    const folder = new CoarseFolder();
    const lists = new FolderLists(true, folder);
    const tick = Date.now();
    folder.add('a', tick);
    folder.whenRead = async () => {
      folder.whenRead = async () => {};
      folder.add('b', tick);
      while (Date.now() - tick < 200) await new Promise((resolve) => setImmediate(resolve));
    };
    expect(await lists.list('/folder')).toEqual([entry('a')]);
    expect(await lists.list('/folder')).toEqual([entry('a'), entry('b')]);
  });

  it('keeps a list of a folder that changed before, until it changes', async () => {
    const folder = new CoarseFolder();
    const lists = new FolderLists(true, folder);
    let reads = 0;
    folder.whenRead = async () => void (reads += 1);
    folder.add('a', Date.now() - 60_000);
    for (let turn = 0; turn < 3; turn++) expect(await lists.list('/folder')).toHaveLength(1);
    expect(reads).toBe(1);
    folder.add('b', Date.now() - 30_000);
    for (let turn = 0; turn < 3; turn++) expect(await lists.list('/folder')).toHaveLength(2);
    expect(reads).toBe(2);
  });
});
