import { randomBytes } from 'node:crypto';
import { link, mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

import { BcryptHash } from './bcrypt-hash.js';
import { errnoOf } from './errno.js';

export interface FirstAccount {
  readonly path: string;
  readonly user: string;
  readonly password: string;
}

/** File systems without hard links, as some network and FAT ones. */
const withoutLinks = new Set(['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK']);

/**
 * Makes a missing file with the account `docker` and a random password. When several processes try, one makes it.
 *
 * @returns the account if this call made the file: nobody can find out the password later
 */
export async function createHtpasswdFile(
  path: string,
  giveName: typeof link = link,
): Promise<FirstAccount | undefined> {
  const user = 'docker';
  const password = randomBytes(32).toString('base64url');
  const line = `${user}:${await BcryptHash.of(password)}\n`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  // Whole at once, so that no other process reads an empty file; the link fails if there is one by now.
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await writeNew(draft, line);
    await giveName(draft, path);
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'EEXIST') return undefined;
    if (code === undefined || !withoutLinks.has(code)) throw error;
    try {
      await writeNew(path, line);
    } catch (cause) {
      if (errnoOf(cause) === 'EEXIST') return undefined;
      throw cause;
    }
  } finally {
    await rm(draft, { force: true });
  }
  return { path, user, password };
}

async function writeNew(path: string, content: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}
