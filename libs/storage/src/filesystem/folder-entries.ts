import type { Dirent } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';

import { inByteOrder } from '../byte-order.js';
import type { StoredEntry } from '../storage-driver.js';
import { ifThere } from './if-there.js';

/** What a folder holds. A link to a folder is one: people move data to other disks so. */
export async function entriesOf(
  folder: string,
  found: readonly Dirent[],
): Promise<readonly StoredEntry[]> {
  const linked = new Set<string>();
  for (const entry of found) {
    if (!entry.isSymbolicLink()) continue;
    const target = await ifThere(() => stat(join(folder, entry.name)));
    if (target?.isDirectory()) linked.add(entry.name);
  }
  const entries = found.map((entry): StoredEntry => {
    const isFolder = entry.isDirectory() || linked.has(entry.name);
    return { name: entry.name, kind: isFolder ? 'folder' : 'file' };
  });
  return inByteOrder(entries);
}
