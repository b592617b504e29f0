import { randomBytes } from 'node:crypto';
import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Digest } from '#oci/digest.js';
import { BlobDamaged, BlobUnknown } from '#oci/errors.js';
import { whole } from '#storage/testing/whole.js';
import { RecordingLog } from '#telemetry/testing/recording-log.js';

import { blobDataPath, blobLinkPath, blobSizePath } from '../paths.js';
import {
  drivers,
  imageManifest,
  type OpenDriver,
  openFolder,
  otherRepository,
  repository,
  TestRegistry,
} from '../testing/registry.js';
import { BlobStore } from './blob-store.js';

const small = Buffer.from('a small blob');
const large = randomBytes(200_000);

describe.each(drivers)('BlobStore %s', (_where, open) => {
  let storage: OpenDriver;
  let registry: TestRegistry;

  beforeEach(async () => {
    storage = await open();
    registry = await TestRegistry.on(storage.driver);
  });

  afterEach(() => storage.close());

  it.each([
    ['small', small],
    ['large', large],
    ['empty', Buffer.alloc(0)],
  ])('gives back a %s blob, and its size', async (_what, content) => {
    const digest = await registry.pushBlob(repository, content);
    expect(await registry.blobs.stat(repository, digest)).toBe(content.length);
    for (let time = 0; time < 2; time++) {
      const blob = await registry.blobs.open(repository, digest);
      expect(blob.size).toBe(content.length);
      expect(blob.whole ?? (await whole(await blob.read()))).toEqual(content);
    }
  });

  it('gives a part of a large blob', async () => {
    const digest = await registry.pushBlob(repository, large);
    const { read } = await registry.blobs.open(repository, digest);
    expect(await whole(await read({ start: 10, end: 99_999 }))).toEqual(
      large.subarray(10, 100_000),
    );
  });

  it('has a blob only in the repositories that were given it', async () => {
    const digest = await registry.pushBlob(repository, small);
    await expect(registry.blobs.stat(otherRepository, digest)).rejects.toThrow(BlobUnknown);
    await expect(registry.blobs.open(otherRepository, digest)).rejects.toThrow(BlobUnknown);
    expect(await registry.blobs.has(otherRepository, digest)).toBe(false);
    await registry.blobs.mount(otherRepository, digest, repository);
    await registry.blobs.delete(repository, digest);
    await expect(registry.blobs.stat(repository, digest)).rejects.toThrow(BlobUnknown);
    expect(await registry.blobs.stat(otherRepository, digest)).toBe(small.length);
  });

  it('mounts what the named repository has, or what any has', async () => {
    const digest = await registry.pushBlob(repository, small);
    const missing = Digest.of(Buffer.from('missing'));
    const { blobs } = registry;
    await expect(blobs.mount(repository, digest, otherRepository)).rejects.toThrow(BlobUnknown);
    await expect(blobs.mount(repository, missing, undefined)).rejects.toThrow(BlobUnknown);
    expect(await blobs.mount(repository, digest, repository)).toBe(small.length);
    expect(await blobs.mount(otherRepository, digest, undefined)).toBe(small.length);
  });

  it('deletes once', async () => {
    const digest = await registry.pushBlob(repository, small);
    await registry.blobs.delete(repository, digest);
    await expect(registry.blobs.delete(repository, digest)).rejects.toThrow(BlobUnknown);
  });

  it('has no blob whose data are gone', async () => {
    const digest = await registry.pushBlob(repository, small);
    await storage.driver.remove(blobDataPath(digest));
    await expect(registry.blobs.stat(repository, digest)).rejects.toThrow(BlobUnknown);
    await expect(registry.blobs.open(repository, digest)).rejects.toThrow(BlobUnknown);
    await expect(registry.blobs.mount(otherRepository, digest, undefined)).rejects.toThrow(
      BlobUnknown,
    );
  });

  it.each(['', 'garbage', `sha256:${'0'.repeat(64)}`, 'sha256:'.padEnd(5000, '0')])(
    'has no blob whose link says %.20j',
    async (link) => {
      const digest = await registry.pushBlob(repository, small);
      await storage.driver.put([
        { path: blobLinkPath(repository, digest), content: Buffer.from(link) },
      ]);
      await expect(registry.blobs.stat(repository, digest)).rejects.toThrow(BlobUnknown);
    },
  );
});

describe('a damaged blob (row D4)', () => {
  let storage: Awaited<ReturnType<typeof openFolder>>;
  let registry: TestRegistry;

  const restart = async () => {
    registry = await TestRegistry.on(storage.driver);
  };
  const file = (digest: Digest) => join(storage.root, blobDataPath(digest));
  const isDamaged = async (digest: Digest) => {
    await expect(registry.blobs.open(repository, digest)).rejects.toThrow(BlobDamaged);
    await expect(registry.blobs.stat(repository, digest)).rejects.toThrow(BlobUnknown);
    expect(await registry.blobs.has(repository, digest)).toBe(false);
    await expect(registry.blobs.mount(otherRepository, digest, undefined)).rejects.toThrow(
      BlobUnknown,
    );
  };

  beforeEach(async () => {
    storage = await openFolder();
    await restart();
  });

  afterEach(() => storage.close());

  it('is named in the log once, and again when it is damaged anew', async () => {
    const log = new RecordingLog();
    const blobs = new BlobStore(storage.driver, undefined, undefined, log);
    const digest = await registry.pushBlob(repository, large);
    const lineWith = (reason: string) => ({
      level: 'error',
      fields: { digest: digest.toString(), reason },
      message:
        'a stored blob is damaged: clients are told that it is missing until it is pushed again',
    });
    await truncate(file(digest), 10);
    for (let time = 0; time < 3; time++) expect(await blobs.has(repository, digest)).toBe(false);
    expect(log.lines.splice(0)).toEqual([lineWith('it has another size')]);
    await registry.pushBlob(repository, large);
    await blobs.contents.noteVerified(digest, large.length);
    await blobs.contents.markDamaged(digest, await storage.driver.stat(blobDataPath(digest)));
    await expect(blobs.open(repository, digest)).rejects.toThrow(BlobDamaged);
    expect(log.lines).toEqual([lineWith('its bytes have another digest')]);
  });

  it('is found out when reading it failed, and what is whole is not', async () => {
    const digest = await registry.pushBlob(repository, large);
    await registry.blobs.contents.noteFailedRead(digest, large.length);
    await registry.blobs.contents.noteFailedRead(digest, 7);
    expect(await registry.blobs.has(repository, digest)).toBe(true);
    await truncate(file(digest), 10);
    await registry.blobs.contents.noteFailedRead(digest, large.length);
    await isDamaged(digest);
  });

  it.each([
    ['small', small],
    ['large', large],
  ])('that was cut is noticed and healed by the next push, %s', async (_what, content) => {
    const digest = await registry.pushBlob(repository, content);
    for (const length of [content.length - 1, 0]) {
      await truncate(file(digest), length);
      await isDamaged(digest);
      await restart();
      await isDamaged(digest);
      await registry.pushBlob(repository, content);
      expect(await readFile(file(digest))).toEqual(content);
      expect(await registry.blobs.stat(repository, digest)).toBe(content.length);
    }
  });

  it('that grew is noticed', async () => {
    const digest = await registry.pushBlob(repository, large);
    await writeFile(file(digest), Buffer.concat([large, Buffer.from('x')]));
    await isDamaged(digest);
    await registry.pushBlob(repository, large);
    expect(await readFile(file(digest))).toEqual(large);
  });

  it('that is small and was changed is noticed when it is read, by who did not keep it', async () => {
    const digest = await registry.pushBlob(repository, small);
    const { whole: kept } = await registry.blobs.open(repository, digest);
    await writeFile(file(digest), Buffer.from(small).fill('x'));
    expect((await registry.blobs.open(repository, digest)).whole).toEqual(kept);
    await restart();
    await isDamaged(digest);
    await restart();
    await isDamaged(digest);
    await registry.pushBlob(repository, small);
    expect((await registry.blobs.open(repository, digest)).whole).toEqual(small);
  });

  it('that a scrub marked is healed by the next push', async () => {
    const digest = await registry.pushBlob(repository, large);
    await registry.blobs.contents.markDamaged(
      digest,
      await storage.driver.stat(blobDataPath(digest)),
    );
    await isDamaged(digest);
    await registry.pushBlob(repository, large);
    expect(await registry.blobs.stat(repository, digest)).toBe(large.length);
  });

  it('has a spoiled record of its size: then the size on the disk counts', async () => {
    const digest = await registry.pushBlob(repository, large);
    for (const text of ['', 'x', '-1', '1e3', '9'.repeat(40)]) {
      await writeFile(join(storage.root, blobSizePath(digest)), text);
      await restart();
      expect(await registry.blobs.stat(repository, digest)).toBe(large.length);
    }
  });

  it('came with an adopted folder: a manifest that names it tells its size', async () => {
    const config = await registry.pushBlob(repository, Buffer.from('{}'));
    const whole = await registry.pushBlob(repository, large);
    const cut = await registry.pushBlob(repository, Buffer.from(large).fill('y'));
    const layers = [whole, cut].map((digest) => ({ mediaType: 'a/b', digest, size: large.length }));
    const manifest = await registry.pushManifest(repository, imageManifest({ layers }));
    await rm(join(storage.root, 'holdfast/v1/sizes'), { recursive: true });
    await truncate(file(cut), 1000);
    await restart();
    expect(await registry.blobs.stat(repository, cut)).toBe(1000);
    await registry.manifests.learnSizesOnce(await registry.manifests.get(repository, manifest));
    await isDamaged(cut);
    expect(await registry.blobs.stat(repository, whole)).toBe(large.length);
    expect(await registry.blobs.stat(repository, config)).toBe(2);
  });

  it('is not what a manifest with a wrong size says it is', async () => {
    const digest = await registry.pushBlob(repository, large);
    await rm(join(storage.root, blobSizePath(digest)));
    await restart();
    await registry.blobs.contents.learnSize(digest, 17);
    expect(await registry.blobs.stat(repository, digest)).toBe(large.length);
    await truncate(file(digest), 17);
    await isDamaged(digest);
  });
});
