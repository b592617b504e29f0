import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { FilesystemDriver } from '#storage/filesystem/filesystem-driver.js';
import { MemoryDriver } from '#storage/memory/memory-driver.js';
import { PathNotFound, StorageDriver } from '#storage/storage-driver.js';

import { UploadPurger } from './upload-purger.js';

const day = 24 * 60 * 60 * 1000;
const repositories = '/docker/registry/v2/repositories';

interface Round {
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

async function purge(
  driver: StorageDriver,
  before: number,
  { dryRun = false, signal }: Round = {},
) {
  const removed: string[] = [];
  const failures: string[] = [];
  const options = { dryRun, signal, onFailure: (path: string) => void failures.push(path) };
  for await (const path of new UploadPurger(driver).purge(before, options)) removed.push(path);
  return { removed, failures };
}

describe('UploadPurger', () => {
  let time: number;
  let driver: MemoryDriver;
  beforeEach(() => {
    time = 100 * day;
    driver = new MemoryDriver(() => time);
  });

  const write = (path: string) => driver.put([{ path, content: Buffer.from('x') }]);
  const upload = async (name: string, id: string, ...files: string[]) => {
    const folder = `${repositories}/${name}/_uploads/${id}`;
    for (const file of files) await write(`${folder}/${file}`);
    return folder;
  };

  describe('with what Distribution left', () => {
    it('removes an upload that nothing was written to since, in every repository', async () => {
      const one = await upload('app', 'id1', 'data', 'startedat');
      const two = await upload('team/deep/app', 'id2', 'data', 'startedat', 'hashstates/sha256/0');
      time += 8 * day;
      const young = await upload('app', 'id3', 'data', 'startedat');
      expect(await purge(driver, time - 7 * day)).toEqual({ removed: [one, two], failures: [] });
      expect(await driver.list(one)).toEqual([]);
      expect(await driver.list(young)).toHaveLength(2);
    });

    it.each(['data', 'hashstates/sha256/1048576'])(
      'counts the age from the last byte, not from the start: %s',
      async (written) => {
        const folder = await upload('app', 'slow', 'startedat', 'data');
        time += 8 * day;
        await write(`${folder}/${written}`);
        expect((await purge(driver, time - 7 * day)).removed).toEqual([]);
      },
    );

    it('goes by the data of an upload without startedat', async () => {
      const folder = await upload('app', 'orphan', 'data');
      expect((await purge(driver, time)).removed).toEqual([]);
      expect((await purge(driver, time + 1)).removed).toEqual([folder]);
    });

    it('leaves everything else alone, however old it is', async () => {
      const kept = [
        `${repositories}/app/_layers/sha256/${'0'.repeat(64)}/link`,
        `${repositories}/app/_manifests/tags/_uploads/current/link`,
        `${repositories}/app/_uploads/stray`,
        '/docker/registry/v2/blobs/sha256/00/x/data',
      ];
      for (const path of kept) await write(path);
      expect((await purge(driver, time + day)).removed).toEqual([]);
      for (const path of kept) expect(await driver.stat(path)).toBeDefined();
    });
  });

  it('removes what nobody went on with, of ours', async () => {
    const writer = await driver.uploads.claim('session', undefined);
    await writer.write(Buffer.from('x'));
    await writer.finish();
    expect((await purge(driver, time)).removed).toEqual([]);
    expect((await purge(driver, time + 1)).removed).toHaveLength(1);
    expect(await driver.uploads.find('session')).toBeUndefined();
  });

  it('only says what it would remove when it runs dry', async () => {
    const folder = await upload('app', 'id', 'data');
    expect((await purge(driver, time + 1, { dryRun: true })).removed).toEqual([folder]);
    expect(await driver.list(folder)).toHaveLength(1);
  });

  it('stops where it is told to', async () => {
    await upload('app', 'id', 'data');
    const signal = AbortSignal.abort();
    expect((await purge(driver, time + 1, { signal })).removed).toEqual([]);
  });

  it('goes on after what it cannot remove', async () => {
    const bad = await upload('app', 'bad', 'data');
    const good = await upload('app', 'good', 'data');
    const removeTree = driver.removeTree.bind(driver);
    driver.removeTree = async (path) => {
      if (path === bad) throw new Error('EIO');
      return removeTree(path);
    };
    expect(await purge(driver, time + 1)).toEqual({ removed: [good], failures: [bad] });
  });

  describe('on a disk', () => {
    const folders: string[] = [];
    afterEach(async () => {
      await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })));
    });

    async function disk() {
      const rootdirectory = await mkdtemp(join(tmpdir(), 'holdfast-purge-'));
      folders.push(rootdirectory);
      const uploads = join(rootdirectory, repositories, 'app/_uploads');
      await mkdir(uploads, { recursive: true });
      return { uploads, rootdirectory, onDisk: await FilesystemDriver.connect({ rootdirectory }) };
    }

    async function file(path: string, age: number) {
      await writeFile(path, 'x');
      const then = new Date(Date.now() - age);
      await utimes(path, then, then);
    }

    it('removes an upload by the times of its files, and an empty one', async () => {
      const { uploads, onDisk } = await disk();
      for (const id of ['old', 'slow', 'empty']) await mkdir(join(uploads, id));
      await file(join(uploads, 'old/data'), 8 * day);
      await file(join(uploads, 'old/startedat'), 9 * day);
      await file(join(uploads, 'slow/data'), 6 * day);
      await file(join(uploads, 'slow/startedat'), 9 * day);
      const { removed, failures } = await purge(onDisk, Date.now() - 7 * day);
      const path = (id: string) => `${repositories}/app/_uploads/${id}`;
      expect({ removed, failures }).toEqual({
        removed: [path('empty'), path('old')],
        failures: [],
      });
      expect(await readdir(uploads)).toEqual(['slow']);
    });

    it('comes to an end where a link leads back into its own folder', async () => {
      const { uploads, onDisk } = await disk();
      await symlink('..', join(uploads, '../loop'));
      await mkdir(join(uploads, 'old'));
      await file(join(uploads, 'old/data'), 8 * day);
      const { removed } = await purge(onDisk, Date.now() - 7 * day, { dryRun: true });
      expect(removed).toContain(`${repositories}/app/_uploads/old`);
    });
  });

  it('takes an upload that vanishes while it is looked at for gone', async () => {
    const folder = await upload('app', 'id', 'data');
    driver.stat = async (path) => {
      throw new PathNotFound(path);
    };
    expect(await purge(driver, time - day)).toEqual({ removed: [folder], failures: [] });
  });
});
