import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Digest } from '#oci/digest.js';
import { BlobDamaged, ManifestBlobUnknown, ManifestUnknown } from '#oci/errors.js';
import { MediaType } from '#oci/media-type.js';
import { parseTag } from '#oci/reference.js';

import { blobDataPath, mediaTypePath, revisionLinkPath } from '../paths.js';
import {
  drivers,
  emptyConfig,
  imageManifest,
  type OpenDriver,
  openFolder,
  otherRepository,
  repository,
  TestRegistry,
} from '../testing/registry.js';

describe.each(drivers)('ManifestStore %s', (_where, open) => {
  let storage: OpenDriver;
  let registry: TestRegistry;

  const restart = async () => {
    registry = await TestRegistry.on(storage.driver);
  };

  beforeEach(async () => {
    storage = await open();
    await restart();
    await registry.pushBlob(repository, emptyConfig);
  });

  afterEach(() => storage.close());

  const get = (digest: Digest) => registry.manifests.get(repository, digest);
  const put = (body: Buffer, contentType: string, ...tags: readonly string[]) =>
    registry.manifests.put(
      repository,
      { body, contentType, digest: Digest.of(body) },
      tags.map(parseTag),
    );

  it('gives back the bytes and the media type, also in another process', async () => {
    const body = Buffer.from(JSON.stringify(imageManifest(), undefined, '\t'));
    const { digest } = await put(body, MediaType.ociManifest, 'a', 'b');
    for (let time = 0; time < 2; time++) {
      expect(await get(digest)).toMatchObject({ body, mediaType: MediaType.ociManifest });
      expect(await registry.tags.resolve(repository, parseTag('b'))).toEqual(digest);
      await restart();
    }
  });

  it.each([MediaType.dockerManifest, MediaType.ociManifest, 'application/vnd.x.y+json'])(
    'remembers %s where the body does not tell',
    async (type) => {
      const body = Buffer.from(JSON.stringify(imageManifest({ mediaType: undefined })));
      const { digest } = await put(body, type);
      await restart();
      expect((await get(digest)).mediaType).toBe(type);
    },
  );

  it('answers with the type of the last push, whichever came before', async () => {
    const body = Buffer.from(JSON.stringify(imageManifest({ mediaType: undefined })));
    const types = [MediaType.ociManifest, MediaType.dockerManifest, 'x/y', MediaType.ociManifest];
    for (const type of types) {
      const { digest } = await put(body, type);
      expect((await get(digest)).mediaType).toBe(type);
      await restart();
      expect((await get(digest)).mediaType).toBe(type);
    }
  });

  it('has a manifest only in its repository', async () => {
    const digest = await registry.pushManifest(repository, imageManifest());
    await expect(registry.manifests.get(otherRepository, digest)).rejects.toThrow(ManifestUnknown);
    await expect(registry.manifests.delete(otherRepository, digest)).rejects.toThrow(
      ManifestUnknown,
    );
  });

  it('writes nothing of a manifest whose content is missing', async () => {
    const layers = [{ mediaType: 'a/b', digest: `sha256:${'0'.repeat(64)}`, size: 1 }];
    const body = Buffer.from(JSON.stringify(imageManifest({ layers })));
    await expect(put(body, MediaType.ociManifest, 'latest')).rejects.toThrow(ManifestBlobUnknown);
    await expect(get(Digest.of(body))).rejects.toThrow(ManifestUnknown);
    await expect(registry.tags.resolve(repository, parseTag('latest'))).rejects.toThrow(
      ManifestUnknown,
    );
    await expect(storage.driver.stat(blobDataPath(Digest.of(body)))).rejects.toThrow('not found');
  });

  it('deletes a manifest with its tags, and takes it again', async () => {
    const manifest = imageManifest();
    const digest = await registry.pushManifest(repository, manifest, 'a', 'b');
    await registry.pushManifest(repository, imageManifest(), 'c');
    expect((await registry.manifests.delete(repository, digest)).toSorted()).toEqual(['a', 'b']);
    await expect(get(digest)).rejects.toThrow(ManifestUnknown);
    await expect(registry.manifests.delete(repository, digest)).rejects.toThrow(ManifestUnknown);
    expect((await registry.tags.list(repository, { limit: 9 })).tags).toEqual(['c']);
    await registry.pushManifest(repository, manifest, 'a');
    expect((await get(digest)).digest).toEqual(digest);
  });

  it('forgets the media type with the manifest', async () => {
    const body = Buffer.from(JSON.stringify(imageManifest({ mediaType: undefined })));
    const { digest } = await put(body, 'application/vnd.x+json');
    await registry.manifests.delete(repository, digest);
    await expect(storage.driver.stat(mediaTypePath(repository, digest))).rejects.toThrow(
      'not found',
    );
  });

  it('has no manifest whose revision link is spoiled, and takes it again', async () => {
    const manifest = imageManifest();
    const digest = await registry.pushManifest(repository, manifest, 'a');
    for (const content of ['', 'garbage', `sha256:${'0'.repeat(64)}`]) {
      const path = revisionLinkPath(repository, digest);
      await storage.driver.put([{ path, content: Buffer.from(content) }]);
      await expect(get(digest)).rejects.toThrow(ManifestUnknown);
      await registry.pushManifest(repository, manifest);
      expect((await get(digest)).digest).toEqual(digest);
    }
  });

  it('keeps what is pushed while it is deleted whole, or not at all', async () => {
    const subject = { mediaType: 'a/b', digest: `sha256:${'1'.repeat(64)}`, size: 1 };
    const manifest = imageManifest({ mediaType: undefined, subject });
    const body = Buffer.from(JSON.stringify(manifest));
    for (let round = 0; round < 50; round++) {
      const { digest } = await put(body, 'application/vnd.x+json');
      await Promise.all([
        put(body, 'application/vnd.x+json'),
        registry.manifests.delete(repository, digest),
      ]);
      await restart();
      const found = await get(digest).catch(() => undefined);
      const { length } = await registry.listReferrers(repository, Digest.parse(subject.digest));
      expect([found?.mediaType, length]).toEqual(
        found === undefined ? [undefined, 0] : ['application/vnd.x+json', 1],
      );
    }
  }, 60_000);
});

describe('ManifestStore on a disk', () => {
  let storage: Awaited<ReturnType<typeof openFolder>>;
  let registry: TestRegistry;

  beforeEach(async () => {
    storage = await openFolder();
    registry = await TestRegistry.on(storage.driver);
    await registry.pushBlob(repository, emptyConfig);
  });

  afterEach(() => storage.close());

  it.each([
    ['cut', ''],
    ['changed', '{"schemaVersion":2}'],
    ['over the limit', 'x'.repeat(5_000_000)],
  ])('never serves a manifest that was %s, and heals it (row D4)', async (_what, content) => {
    const manifest = imageManifest();
    const digest = await registry.pushManifest(repository, manifest, 'a');
    await writeFile(join(storage.root, blobDataPath(digest)), content);
    registry = await TestRegistry.on(storage.driver);
    await expect(registry.manifests.get(repository, digest)).rejects.toThrow(BlobDamaged);
    await registry.pushManifest(repository, manifest, 'a');
    expect((await registry.manifests.get(repository, digest)).digest).toEqual(digest);
    registry = await TestRegistry.on(storage.driver);
    expect((await registry.manifests.get(repository, digest)).digest).toEqual(digest);
  });

  it('deletes a manifest that is damaged', async () => {
    const digest = await registry.pushManifest(repository, imageManifest(), 'a');
    await writeFile(join(storage.root, blobDataPath(digest)), 'x');
    registry = await TestRegistry.on(storage.driver);
    expect(await registry.manifests.delete(repository, digest)).toEqual(['a']);
  });
});
