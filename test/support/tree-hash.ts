import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { until } from './until.js';

/** What processes note by themselves some time after their start, whatever is asked of them. */
const ownNotes = /\/holdfast\/v1\/(http-secrets|maintenance)\//;

/**
 * One text for all files below a folder, their paths and what they hold; the same only as long as none changes. Waits for
 * files that have no name yet, which may be such a note.
 */
export async function treeHash(folder: string): Promise<string> {
  const unnamed = join(folder, 'holdfast/v1/temporary');
  await until('files on their way to be in place', async () => {
    const names = await readdir(unnamed).catch(() => []);
    return names.length === 0;
  });
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !ownNotes.test(file))
    .toSorted();
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file}\0`).update(await readFile(file));
  return hash.digest('hex');
}
