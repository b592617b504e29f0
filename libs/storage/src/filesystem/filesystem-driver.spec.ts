import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe } from '@jest/globals';

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
});
