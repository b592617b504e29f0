import { PathNotFound, StorageUnavailable } from '../storage-driver.js';

const unavailable: ReadonlyMap<string | undefined, string> = new Map([
  ['ENOSPC', 'no space left on the disk'],
  ['EDQUOT', 'the disk quota is used up'],
  ['EROFS', 'the file system is read-only'],
  ['EACCES', 'no permission to write to the root directory'],
  ['EPERM', 'no permission to write to the root directory'],
  ['EMFILE', 'too many open files'],
  ['ENFILE', 'too many open files'],
  ['EIO', 'the disk reports an input/output error'],
  ['ESHUTDOWN', 'the file system was shut down'],
]);

/** Neither of these is there: the path leads to no file. */
const notThere: ReadonlySet<string | undefined> = new Set([
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
  'ENAMETOOLONG',
  'ELOOP',
]);

export function errnoOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error && error.code;
  return typeof code === 'string' ? code : undefined;
}

export function isNotThere(error: unknown): boolean {
  return notThere.has(errnoOf(error));
}

/** No space is left, or none that we may use. */
export function isFull(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOSPC' || errno === 'EDQUOT';
}

/** What a reader is told: a folder, or a file where a folder should be, is not a file. */
export function translateRead(error: unknown, path: string): unknown {
  return isNotThere(error) ? new PathNotFound(path) : error;
}

/** What a writer is told. */
export function translateWrite(error: unknown): unknown {
  const reason = unavailable.get(errnoOf(error));
  return reason === undefined ? error : new StorageUnavailable(reason, { cause: error });
}

/** Our own folders are made once, at the start; when they are missing later, so is everything, and nothing is made anew. */
export function rootGone(cause?: unknown): StorageUnavailable {
  return new StorageUnavailable('the root directory is gone, or not mounted any more', { cause });
}
