import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { createHtpasswdFile } from './create-htpasswd-file.js';

/** As a file system without hard links answers. */
const noLinks = () => Promise.reject(Object.assign(new Error('not permitted'), { code: 'EPERM' }));
const brokenDisk = () => Promise.reject(Object.assign(new Error('broken'), { code: 'EIO' }));

describe('createHtpasswdFile', () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'htpasswd-'));
    path = join(folder, 'htpasswd');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it.each([
    ['with hard links', undefined],
    ['without', noLinks],
  ])('makes one file, whoever else tries, on a file system %s', async (_what, link) => {
    const made = await Promise.all(
      Array.from({ length: 4 }, () => createHtpasswdFile(path, ...(link ? [link] : []))),
    );
    expect(made.filter((account) => account !== undefined)).toMatchObject([
      { path, user: 'docker' },
    ]);
    expect(await readdir(folder)).toEqual(['htpasswd']);
    expect(await readFile(path, 'utf8')).toMatch(/^docker:\$2b\$10\$.{53}\n$/);
  });

  it.each([
    ['with hard links', undefined],
    ['without', noLinks],
  ])('leaves a file alone that is there by now, %s', async (_what, link) => {
    await writeFile(path, 'anna:x\n');
    expect(await createHtpasswdFile(path, ...(link ? [link] : []))).toBeUndefined();
    expect(await readFile(path, 'utf8')).toBe('anna:x\n');
    expect(await readdir(folder)).toEqual(['htpasswd']);
  });

  it('fails on anything else, and leaves nothing behind', async () => {
    await expect(createHtpasswdFile(path, brokenDisk)).rejects.toThrow('broken');
    expect(await readdir(folder)).toEqual([]);
  });
});
