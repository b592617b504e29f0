import { randomBytes } from 'node:crypto';

import { afterEach, beforeEach, expect, it } from '@jest/globals';

import { Digest } from '#oci/digest.js';

import type { ContentCache } from '../content-cache.js';

interface OpenCache {
  readonly cache: ContentCache;
  readonly close?: () => Promise<void>;
}

/** What every cache does, with a server behind it that is well. */
export function describeContentCache(open: () => Promise<OpenCache>): void {
  let opened: OpenCache;
  let cache: ContentCache;

  beforeEach(async () => {
    opened = await open();
    cache = opened.cache;
  });

  afterEach(() => opened.close?.());

  it('knows nothing at first', async () => {
    const { digest } = manifest();
    expect(await cache.sizeOf(digest)).toBeUndefined();
    expect(await cache.manifest(digest)).toBeUndefined();
    expect(cache.counts).toEqual({ requests: 2, hits: 0, errors: 0 });
  });

  it.each([0, 1, 2 ** 32, 10 * 2 ** 40])('remembers a size of %i bytes', async (size) => {
    const { digest } = manifest();
    cache.rememberSize(digest, size);
    expect(await cache.sizeOf(digest)).toBe(size);
    expect(cache.counts).toEqual({ requests: 1, hits: 1, errors: 0 });
  });

  it.each([1, 500, 256 * 1024])('remembers a manifest of %i bytes', async (length) => {
    const { digest, body } = manifest(length);
    cache.rememberManifest(digest, body);
    for (let time = 0; time < 3; time++) expect(await cache.manifest(digest)).toEqual(body);
    expect(await cache.sizeOf(digest)).toBeUndefined();
    expect(cache.counts).toEqual({ requests: 4, hits: 3, errors: 0 });
  });

  it('tells digests of two kinds apart', async () => {
    const body = randomBytes(100);
    const [one, other] = [Digest.of(body, 'sha512'), Digest.of(body, 'sha256')];
    cache.rememberManifest(one, body);
    cache.rememberSize(one, 100);
    expect(await cache.manifest(one)).toEqual(body);
    expect(await cache.sizeOf(one)).toBe(100);
    expect(await cache.manifest(other)).toBeUndefined();
    expect(await cache.sizeOf(other)).toBeUndefined();
  });

  it('answers many at once, each with its own', async () => {
    const all = Array.from({ length: 50 }, () => manifest(200));
    for (const [size, { digest, body }] of all.entries()) {
      cache.rememberManifest(digest, body);
      cache.rememberSize(digest, size);
    }
    const bodies = await Promise.all(all.map(({ digest }) => cache.manifest(digest)));
    expect(bodies).toEqual(all.map(({ body }) => body));
    const sizes = await Promise.all(all.map(({ digest }) => cache.sizeOf(digest)));
    expect(sizes).toEqual([...all.keys()]);
  });

  it('forgets what it is told to, and nothing else', async () => {
    const [gone, kept] = [manifest(), manifest()];
    for (const { digest, body } of [gone, kept]) {
      cache.rememberManifest(digest, body);
      cache.rememberSize(digest, body.length);
    }
    cache.forget(gone.digest);
    expect(await cache.manifest(gone.digest)).toBeUndefined();
    expect(await cache.sizeOf(gone.digest)).toBeUndefined();
    expect(await cache.manifest(kept.digest)).toEqual(kept.body);
    expect(await cache.sizeOf(kept.digest)).toBe(kept.body.length);
  });
}

function manifest(length = 300): { readonly digest: Digest; readonly body: Buffer } {
  const body = randomBytes(length);
  return { digest: Digest.of(body), body };
}
