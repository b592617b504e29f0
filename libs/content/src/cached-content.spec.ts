import { randomBytes } from 'node:crypto';

import { beforeEach, describe, expect, it, jest } from '@jest/globals';

import type { ContentCache } from '#cache/content-cache.js';
import { MemoryCache } from '#cache/memory/memory-cache.js';
import { TwoLevels } from '#cache/two-levels.js';
import { Digest } from '#oci/digest.js';
import { BlobDamaged, BlobUnknown, ManifestUnknown } from '#oci/errors.js';
import { parseTag } from '#oci/reference.js';
import { MemoryDriver } from '#storage/memory/memory-driver.js';

import { blobDataPath } from './paths.js';
import {
  emptyConfig,
  imageManifest,
  otherRepository,
  repository,
  TestRegistry,
} from './testing/registry.js';

const content = randomBytes(100_000);

describe('content behind a cache that replicas share', () => {
  let driver: MemoryDriver;
  let shared: ContentCache;
  let one: TestRegistry;
  let other: TestRegistry;

  const replica = () =>
    TestRegistry.on(driver, { cache: new TwoLevels(new MemoryCache(), shared) });

  beforeEach(async () => {
    driver = new MemoryDriver();
    shared = new MemoryCache();
    [one, other] = [await replica(), await replica()];
  });

  it('looks at the repository’s link only, for a blob that another replica was given', async () => {
    const digest = await one.pushBlob(repository, content);
    const stat = jest.spyOn(driver, 'stat');
    expect(await other.blobs.stat(repository, digest)).toBe(content.length);
    expect(await other.blobs.has(repository, digest)).toBe(true);
    expect((await other.blobs.open(repository, digest)).size).toBe(content.length);
    expect(stat).not.toHaveBeenCalled();
  });

  it('has no blob in a repository that another replica has just taken it from', async () => {
    const digest = await one.pushBlob(repository, content);
    await one.blobs.mount(otherRepository, digest, repository);
    for (const each of [one, other]) {
      expect(await each.blobs.stat(repository, digest)).toBe(content.length);
      expect(await each.blobs.stat(otherRepository, digest)).toBe(content.length);
    }
    await one.blobs.delete(repository, digest);
    for (const each of [one, other]) {
      // What the other repository has makes it known again; this one has it not.
      expect(await each.blobs.stat(otherRepository, digest)).toBe(content.length);
      await expect(each.blobs.stat(repository, digest)).rejects.toThrow(BlobUnknown);
      await expect(each.blobs.open(repository, digest)).rejects.toThrow(BlobUnknown);
      expect(await each.blobs.has(repository, digest)).toBe(false);
      await expect(each.blobs.mount(otherRepository, digest, repository)).rejects.toThrow(
        BlobUnknown,
      );
    }
  });

  it('has no manifest, and no tag, that another replica has just removed or moved', async () => {
    for (const each of [one, other]) await each.pushBlob(repository, emptyConfig);
    const [first, second] = [imageManifest(), imageManifest()];
    const tag = parseTag('latest');
    const digest = await one.pushManifest(repository, first, tag);
    await other.manifests.get(repository, digest);
    const next = await one.pushManifest(repository, second, tag);
    expect((await other.tags.resolve(repository, tag)).equals(next)).toBe(true);
    await one.manifests.delete(repository, digest);
    await expect(other.manifests.get(repository, digest)).rejects.toThrow(ManifestUnknown);
  });

  it('takes the body of a manifest that another replica has read from the cache', async () => {
    await one.pushBlob(repository, emptyConfig);
    const digest = await one.pushManifest(repository, imageManifest());
    const get = jest.spyOn(driver, 'get');
    const { body, mediaType } = await other.manifests.get(repository, digest);
    expect(Digest.of(body).equals(digest)).toBe(true);
    expect(mediaType).toBe('application/vnd.oci.image.manifest.v1+json');
    expect(get.mock.calls.map(([path]) => path)).toEqual([
      expect.stringContaining('/_manifests/revisions/'),
    ]);
  });

  it('answers a manifest of no type of its own as what it was pushed as last, on any replica', async () => {
    await one.pushBlob(repository, emptyConfig);
    const { mediaType, ...untyped } = imageManifest();
    const body = Buffer.from(JSON.stringify(untyped));
    const digest = Digest.of(body);
    for (const contentType of [mediaType, 'application/x-odd', mediaType, 'application/x-even']) {
      const pushed = { body, digest, contentType: String(contentType) };
      await one.manifests.put(repository, pushed, []);
      expect((await other.manifests.get(repository, digest)).mediaType).toBe(contentType);
    }
  });

  it('mounts nothing whose bytes are gone, whatever the cache knows', async () => {
    const digest = await one.pushBlob(repository, content);
    await driver.remove(blobDataPath(digest));
    await expect(other.blobs.mount(otherRepository, digest, repository)).rejects.toThrow(
      BlobUnknown,
    );
    await expect(other.blobs.mount(otherRepository, digest, undefined)).rejects.toThrow(
      BlobUnknown,
    );
  });

  it.each([100, 100_000])(
    'notices at the first read that the %i bytes of a blob are gone, and takes them again',
    async (size) => {
      const bytes = content.subarray(0, size);
      const digest = await one.pushBlob(repository, bytes);
      await driver.remove(blobDataPath(digest));
      const read = async () => (await other.blobs.open(repository, digest)).read();
      await expect(read()).rejects.toThrow(BlobUnknown);
      await expect(other.blobs.stat(repository, digest)).rejects.toThrow(BlobUnknown);
      await other.pushBlob(repository, bytes);
      expect((await read()).size).toBe(size);
    },
  );

  it('never sends a blob under a size that is not its own', async () => {
    const digest = await one.pushBlob(repository, content);
    other = await TestRegistry.on(driver, { cache: shared });
    shared.rememberSize(digest, content.length + 1);
    const { read } = await other.blobs.open(repository, digest);
    await expect(read()).rejects.toThrow(BlobDamaged);
    expect((await (await other.blobs.open(repository, digest)).read()).size).toBe(content.length);
  });
});
