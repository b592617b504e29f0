import { type Stats, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';

import { LRUCache } from 'lru-cache';

import type { StoredEntry } from '../storage-driver.js';
import { entriesOf } from './folder-entries.js';
import { ifThere } from './if-there.js';
import { identityOf, isSettled } from './small-files.js';

interface KnownList {
  readonly identity: string;
  readonly entries: readonly StoredEntry[];
}

/** How folders are looked at. */
export interface FolderLook {
  stat(folder: string): Stats | undefined;
  entries(folder: string): Promise<readonly StoredEntry[] | undefined>;
}

/** Bytes of memory for the lists of all folders together: 260,000 entries with names as tags have. */
const mostKept = 20 * 1024 * 1024;

/** Bytes that an entry takes besides its name, and a folder besides its entries, as measured. */
const entryCost = 68;
const folderCost = 512;

/**
 * What folders hold, in order. A page of a list costs what the page holds, not what the folder holds, while nothing is added
 * or removed: on a local disk the folder's times tell, as those of a file do ({@link SmallFiles}).
 */
export class FolderLists {
  readonly #known = new LRUCache<string, KnownList>({
    maxSize: mostKept,
    sizeCalculation: ({ entries }, folder) =>
      entries.reduce((sum, { name }) => sum + name.length + entryCost, folderCost + folder.length),
  });

  constructor(
    private readonly local: boolean,
    private readonly look: FolderLook = { stat: statIfThere, entries: readEntries },
  ) {}

  /** Undefined when there is no such folder. */
  async list(folder: string): Promise<readonly StoredEntry[] | undefined> {
    if (!this.local) return this.look.entries(folder);
    const before = this.look.stat(folder);
    if (before === undefined) return undefined;
    const identity = identityOf(before);
    const known = this.#known.get(folder);
    if (known?.identity === identity) return known.entries;
    const settled = isSettled(before); // As of before the reading, which may take its time.
    const entries = await this.look.entries(folder);
    const after = settled ? this.look.stat(folder) : undefined;
    if (entries !== undefined && after !== undefined && identityOf(after) === identity) {
      this.#known.set(folder, { identity, entries });
    }
    return entries;
  }
}

function statIfThere(folder: string): Stats | undefined {
  return statSync(folder, { throwIfNoEntry: false });
}

async function readEntries(folder: string): Promise<readonly StoredEntry[] | undefined> {
  const found = await ifThere(() => readdir(folder, { withFileTypes: true }));
  return found && entriesOf(folder, found);
}
