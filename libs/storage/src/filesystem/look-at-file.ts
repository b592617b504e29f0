import { constants, fstat, fstatSync, open, openSync, type Stats, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';

const openAside = promisify(open);
const statAside = promisify(fstat);

/** Opening a named pipe would wait for its writer. */
export const readWithoutWaiting = constants.O_RDONLY | constants.O_NONBLOCK;

/** Opens a file for reading; in place where that costs less than handing it to a thread. */
export async function openToRead(file: string, local: boolean): Promise<number> {
  return local ? openSync(file, readWithoutWaiting) : openAside(file, readWithoutWaiting);
}

export async function statOpened(fd: number, local: boolean): Promise<Stats> {
  return local ? fstatSync(fd) : statAside(fd);
}

/** @throws as `open(2)`; also for what is no file */
export async function statFile(file: string, local: boolean): Promise<Stats> {
  const found = local ? statSync(file, { throwIfNoEntry: false }) : await stat(file);
  if (found === undefined) throw notThere(file);
  if (!found.isFile()) throw notAFile();
  return found;
}

/** As `open(2)` would say it. */
export function notThere(path: string): Error {
  return Object.assign(new Error(`no such file: ${path}`), { code: 'ENOENT' });
}

export function notAFile(): Error {
  return Object.assign(new Error('not a file'), { code: 'EISDIR' });
}
