import { PathNotFound, StorageUnavailable } from '../storage-driver.js';

const unavailable: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the disk',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'no permission to write to the root directory',
  EPERM: 'no permission to write to the root directory',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files',
};

export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

/** What a reader is told: a folder, or a file where a folder should be, is not a file. */
export function translateRead(error: unknown, path: string): unknown {
  switch (errnoOf(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'EISDIR':
    case 'ENAMETOOLONG':
      return new PathNotFound(path);
    default:
      return error;
  }
}

/** What a writer is told. */
export function translateWrite(error: unknown): unknown {
  const reason = unavailable[errnoOf(error) ?? ''];
  return reason === undefined ? error : new StorageUnavailable(reason, { cause: error });
}
