import { link, readdir, readFile, rename, stat, unlink } from 'node:fs/promises';

import { errnoOf } from './errno.js';

/** The outcome of an action on a file, or undefined when there is no such file. */
export async function ifThere<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return undefined;
    throw error;
  }
}

export async function readIfThere(file: string): Promise<Buffer | undefined> {
  return ifThere(() => readFile(file));
}

export async function isThere(path: string): Promise<boolean> {
  return (await ifThere(() => stat(path))) !== undefined;
}

export async function namesIn(folder: string): Promise<string[]> {
  return (await ifThere(() => readdir(folder))) ?? [];
}

/** Whether there was one to remove. */
export async function unlinkIfThere(file: string): Promise<boolean> {
  return (await ifThere(() => unlink(file).then(() => true))) ?? false;
}

/** Whether there was one to rename. `to` is a name that nobody else uses. */
export async function renameIfThere(from: string, to: string): Promise<boolean> {
  const renamed = await ifThere(() => rename(from, to).then(() => true));
  // NFS sends a lost request again, which then finds that it was done.
  return renamed ?? isThere(to);
}

/** Gives an existing file a second name if nothing has that name. */
export async function linkUnlessThere(existing: string, path: string): Promise<boolean> {
  try {
    return (await ifThere(() => link(existing, path).then(() => true))) ?? false;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Takes one of two names from a file that has both: a rename of one to the other would leave both. */
export async function unlinkIfSame(name: string, other: string): Promise<void> {
  const found = await ifThere(() => stat(name));
  const same = found && (await ifThere(() => stat(other)));
  if (same && same.ino === found.ino && same.dev === found.dev) await unlinkIfThere(name);
}
