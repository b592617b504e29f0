import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from '@jest/globals';

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
