import { randomBytes } from 'node:crypto';

import { describe, expect, it } from '@jest/globals';

import { Digest } from '#oci/digest.js';

import { describeContentCache } from '../testing/content-cache.suite.js';
import { sizesLastFor } from '../times.js';
import { MemoryCache } from './memory-cache.js';

const digestOf = (text: string) => Digest.of(Buffer.from(text));

describe('MemoryCache', () => {
  describeContentCache(async () => ({ cache: new MemoryCache() }));

  it('keeps as many sizes as it is given, those that were asked for last', async () => {
    const cache = new MemoryCache({ sizes: 2 });
    for (const text of ['a', 'b']) cache.rememberSize(digestOf(text), 1);
    await cache.sizeOf(digestOf('a'));
    cache.rememberSize(digestOf('c'), 1);
    expect(await cache.sizeOf(digestOf('a'))).toBe(1);
    expect(await cache.sizeOf(digestOf('b'))).toBeUndefined();
    expect(await cache.sizeOf(digestOf('c'))).toBe(1);
  });

  it('does not rely for long on having seen a blob', async () => {
    let now = 1000;
    const cache = new MemoryCache({ now: () => now });
    cache.rememberSize(digestOf('a'), 1);
    now += sizesLastFor;
    expect(await cache.sizeOf(digestOf('a'))).toBe(1);
    now += 1;
    expect(await cache.sizeOf(digestOf('a'))).toBeUndefined();
  });

  it('holds no more than 16 MiB of manifests', async () => {
    const cache = new MemoryCache();
    const bodies = Array.from({ length: 8 }, () => randomBytes(4 * 1024 * 1024));
    for (const body of bodies) cache.rememberManifest(Digest.of(body), body);
    const kept = await Promise.all(bodies.map((body) => cache.manifest(Digest.of(body))));
    expect(kept.filter((body) => body !== undefined)).toHaveLength(3);
    expect(kept.at(-1)).toBe(bodies.at(-1));
  });
});
