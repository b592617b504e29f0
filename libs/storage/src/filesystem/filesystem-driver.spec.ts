import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { PathNotFound, StorageUnavailable } from '../storage-driver.js';
import { describeStorageDriver } from '../testing/storage-driver.suite.js';
import { FilesystemDriver } from './filesystem-driver.js';

describe('FilesystemDriver', () => {
  describeStorageDriver(async () => {
    const rootdirectory = await mkdtemp(join(tmpdir(), 'holdfast-driver-'));
    return {
      driver: await FilesystemDriver.connect({ rootdirectory }),
      other: await FilesystemDriver.connect({ rootdirectory }),
      close: () => rm(rootdirectory, { recursive: true, force: true }),
    };
  });

  describe('where nothing may be written', () => {
    let folder: string;
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'holdfast-driver-'));
    });
    afterEach(() => rm(folder, { recursive: true, force: true }));

    const connect = (rootdirectory = folder) =>
      FilesystemDriver.connect({ rootdirectory, readonly: true });

    it('reads what is there, and makes no folder of its own', async () => {
      await mkdir(join(folder, 'docker/registry/v2'), { recursive: true });
      await writeFile(join(folder, 'docker/registry/v2/link'), 'one');
      const driver = await connect();
      const content = await driver.get('/docker/registry/v2/link', { limit: 9 });
      expect(content.toString()).toBe('one');
      await expect(driver.get('/docker/other', { limit: 9 })).rejects.toThrow(PathNotFound);
      expect(await driver.list('/docker/registry')).toMatchObject([{ name: 'v2' }]);
      expect(await readdir(folder)).toEqual(['docker']);
    });

    it('changes nothing', async () => {
      await writeFile(join(folder, 'link'), 'one');
      const driver = await connect();
      const file = { path: '/link', content: Buffer.from('two') };
      for (const write of [
        () => driver.put([file]),
        () => driver.create({ ...file, path: '/new' }),
        () => driver.remove('/link'),
        () => driver.removeIf('/link', Buffer.from('one')),
        () => driver.removeTree('/link'),
        () => driver.removeFolder('/link'),
      ]) {
        await expect(write()).rejects.toThrow(StorageUnavailable);
      }
      // What may be lost needs no answer.
      await driver.putVolatile(file);
      expect(await readdir(folder)).toEqual(['link']);
      expect(await readFile(join(folder, 'link'), 'utf8')).toBe('one');
    });

    it('notices that all is gone', async () => {
      const root = join(folder, 'root');
      await mkdir(join(root, 'docker/registry/v2'), { recursive: true });
      const driver = await connect(root);
      await rm(root, { recursive: true });
      await expect(driver.get('/docker/link', { limit: 9 })).rejects.toThrow(StorageUnavailable);
    });

    it('needs a root that is there', async () => {
      await writeFile(join(folder, 'file'), '');
      await expect(connect(join(folder, 'nowhere'))).rejects.toThrow(/nowhere is not there/);
      await expect(connect(join(folder, 'file'))).rejects.toThrow(/file is not a folder/);
      await expect(connect(join(folder, 'file/in'))).rejects.toThrow(/not a folder, or not in one/);
    });
  });

  it('gives at once what it read before, until anybody changes it', async () => {
    const rootdirectory = await mkdtemp(join(tmpdir(), 'holdfast-driver-'));
    try {
      const driver = await FilesystemDriver.connect({ rootdirectory });
      const other = await FilesystemDriver.connect({ rootdirectory });
      const path = '/docker/registry/v2/link';
      const written = (text: string) => ({ path, content: Buffer.from(text) });
      // What changed a moment ago could change again unseen, and is read each time.
      const known = async (text: string) => {
        do expect((await driver.get(path, { limit: 9 })).toString()).toBe(text);
        while (driver.getAtOnce(path, 9) === undefined);
        return driver.getAtOnce(path, 9)?.toString();
      };
      expect(driver.getAtOnce(path, 9)).toBeUndefined();
      await other.put([written('one')]);
      expect(await known('one')).toBe('one');
      expect(driver.getAtOnce(path, 2)).toBeUndefined();
      await other.put([written('two')]);
      expect(driver.getAtOnce(path, 9)).toBeUndefined();
      expect(await known('two')).toBe('two');
      await other.remove(path);
      expect(driver.getAtOnce(path, 9)).toBeUndefined();
    } finally {
      await rm(rootdirectory, { recursive: true, force: true });
    }
  });
});
