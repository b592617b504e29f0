import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { StorageUnavailable } from '../storage-driver.js';
import { errnoOf, translateWrite } from './errno.js';
import { FolderSync } from './folder-sync.js';
import { isThere } from './if-there.js';

/** Ours within the root: never below `docker/registry/v2`. */
export const ownFolder = '/holdfast/v1';

const ownFolders = ['temporary', 'uploads', 'removing'];

/**
 * Makes what is missing.
 * @returns a folder in it that is there as long as the root is
 * @throws {StorageUnavailable} where it cannot be made or written to
 */
export async function prepareRoot(root: string): Promise<string> {
  try {
    for (const folder of ownFolders) await makeDurableFolder(join(root, ownFolder, folder));
    await access(root, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw await explained(root, error);
  }
  return join(root, ownFolder, 'temporary');
}

/**
 * Takes it as it is, for reading.
 * @returns a folder in it that is there as long as the root is, if it has one
 * @throws {StorageUnavailable} where it is not there, or cannot be read
 */
export async function lookAtRoot(root: string): Promise<string> {
  try {
    if (!(await stat(root)).isDirectory()) throw new StorageUnavailable(`${root} is not a folder`);
    await access(root, constants.R_OK | constants.X_OK);
  } catch (error) {
    switch (errnoOf(error)) {
      case 'ENOENT':
        throw new StorageUnavailable(
          `${root} is not there, and with storage.maintenance.readonly it is not made`,
          { cause: error },
        );
      case 'ENOTDIR':
        throw notAFolder(root, error);
      case 'EACCES':
        throw new StorageUnavailable(`no permission to read ${root}`, { cause: error });
      case undefined:
      default:
        throw error;
    }
  }
  const inside = [`${ownFolder}/temporary`, '/docker/registry/v2'].map((path) => join(root, path));
  for (const folder of inside) if (await isThere(folder)) return folder;
  return root;
}

async function explained(root: string, error: unknown): Promise<unknown> {
  const errno = errnoOf(error);
  if (errno === 'EEXIST' || errno === 'ENOTDIR') return notAFolder(root, error);
  // Where a parent cannot be made Node tells of the child that has none.
  const cause = errno === 'ENOENT' ? ((await refusalOf(root)) ?? error) : error;
  if (errnoOf(cause) !== 'EROFS') return translateWrite(cause);
  return new StorageUnavailable(
    'the file system is read-only; to serve what is there set storage.maintenance.readonly.enabled',
    { cause: error },
  );
}

/** Why nothing can be made there: what the nearest folder that is there says to who wants to write to it. */
async function refusalOf(folder: string): Promise<unknown> {
  try {
    await access(folder, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    const parent = dirname(folder);
    return errnoOf(error) === 'ENOENT' && parent !== folder ? refusalOf(parent) : error;
  }
}

function notAFolder(root: string, cause: unknown): StorageUnavailable {
  return new StorageUnavailable(`${root} is not a folder, or not in one`, { cause });
}

async function makeDurableFolder(folder: string): Promise<void> {
  const firstMade = await mkdir(folder, { recursive: true });
  if (firstMade === undefined) return;
  const folders = new FolderSync(false);
  for (let parent = dirname(folder); parent.length >= dirname(firstMade).length;) {
    await folders.sync(parent);
    if (parent === dirname(parent)) return;
    parent = dirname(parent);
  }
}
