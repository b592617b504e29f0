import { describe, expect, it } from '@jest/globals';

import { Digest } from '#oci/digest.js';

import { MemoryCache } from './memory/memory-cache.js';
import { describeContentCache } from './testing/content-cache.suite.js';
import { TwoLevels } from './two-levels.js';

const body = Buffer.from('{}');
const digest = Digest.of(body);

describe('TwoLevels', () => {
  describeContentCache(async () => ({
    cache: new TwoLevels(new MemoryCache(), new MemoryCache()),
  }));

  it('asks for what another has seen only once', async () => {
    const far = new MemoryCache();
    far.rememberSize(digest, 2);
    far.rememberManifest(digest, body);
    const cache = new TwoLevels(new MemoryCache(), far);
    for (let time = 0; time < 3; time++) {
      expect(await cache.sizeOf(digest)).toBe(2);
      expect(await cache.manifest(digest)).toBe(body);
    }
    expect(far.counts.requests).toBe(2);
    expect(cache.counts).toEqual({ requests: 6, hits: 6, errors: 0 });
  });

  it('tells both what it learns, and makes both forget', async () => {
    const [near, far] = [new MemoryCache(), new MemoryCache()];
    const cache = new TwoLevels(near, far);
    cache.rememberSize(digest, 2);
    cache.rememberManifest(digest, body);
    for (const level of [near, far]) {
      expect(await level.sizeOf(digest)).toBe(2);
      expect(await level.manifest(digest)).toBe(body);
    }
    cache.forget(digest);
    for (const level of [near, far]) expect(await level.sizeOf(digest)).toBeUndefined();
  });
});
