import { TempDir } from '../support/temp-dir.js';

/** Runs an action with a folder of its own, which is gone afterwards, with all that is mounted there. */
export async function withFolder<T>(action: (folder: string) => Promise<T>): Promise<T> {
  const folder = await TempDir.create('fault');
  try {
    return await action(folder.path);
  } finally {
    await folder.unmount();
    await folder.remove();
  }
}
