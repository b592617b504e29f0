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

/** Entries that are kept, of all folders together. */
const mostKept = 400_000;

/**
 * What folders hold, in order. A page of a list costs what the page holds, not what the folder holds, while nothing is added
 * or removed: on a local disk the folder's times tell, as those of a file do ({@link SmallFiles}).
 */
export class FolderLists {
  readonly #known = new LRUCache<string, KnownList>({
    maxSize: mostKept,
    sizeCalculation: ({ entries }) => entries.length + 4,
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
