import { existsSync } from 'node:fs';

import { TempDir } from '../support/temp-dir.js';

/** Memory where there is a file system in it: what is shown here does not depend on the disk, and needs many syncs. */
const memory = '/dev/shm';

/** Runs an action with a folder of its own, which is gone afterwards, with all that is mounted there. */
export async function withFolder<T>(action: (folder: string) => Promise<T>): Promise<T> {
  const folder = await TempDir.create('fault', ...(existsSync(memory) ? [memory] : []));
  try {
    return await action(folder.path);
  } finally {
    await folder.unmount();
    await folder.remove();
  }
}
