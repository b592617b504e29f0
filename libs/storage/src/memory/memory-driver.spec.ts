import { describe } from '@jest/globals';

import { describeStorageDriver } from '../testing/storage-driver.suite.js';
import { MemoryDriver } from './memory-driver.js';

describe('MemoryDriver', () => {
  describeStorageDriver(async () => {
    const driver = new MemoryDriver();
    return { driver, other: driver, close: async () => {} };
  });
});
