import { describe, expect, it } from '@jest/globals';

import { describeStorageDriver } from '../testing/storage-driver.suite.js';
import { MemoryDriver } from './memory-driver.js';

describe('MemoryDriver', () => {
  describeStorageDriver(async () => {
    const driver = new MemoryDriver();
    return { driver, other: driver, close: async () => {} };
  });

  it('does not sweep an upload away while bytes come', async () => {
    let time = 1000;
    const { uploads } = new MemoryDriver(() => time);
    const writer = await uploads.claim('slow', undefined);
    time = 5000;
    await writer.write(Buffer.from('x'));
    for await (const path of uploads.sweep(2000, { dryRun: false })) expect(path).toBeUndefined();
    await expect(writer.finish()).resolves.toMatchObject({ size: 1 });
  });
});
