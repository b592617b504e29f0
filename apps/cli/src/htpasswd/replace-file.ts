import { randomBytes } from 'node:crypto';
import { open, realpath, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Writes a file as a whole: who reads it meanwhile, or after a crash, finds the old text or the new. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const old = await stat(target).catch(() => undefined);
  const draft = `${target}.${randomBytes(6).toString('hex')}`;
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(text);
      if (old !== undefined) {
        await file.chmod(old.mode & 0o777);
        if (old.uid !== process.geteuid?.()) await file.chown(old.uid, old.gid);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, target);
  } catch (error) {
    await unlink(draft).catch(() => undefined);
    throw error;
  }
  const folder = await open(dirname(target));
  await folder.sync().finally(() => folder.close());
}
