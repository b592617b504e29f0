import { randomBytes } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { MemoryCache } from '#cache/memory/memory-cache.js';
import { Digest } from '#oci/digest.js';
import { BlobDamaged, BlobUnknown } from '#oci/errors.js';
import { MediaType } from '#oci/media-type.js';
import type { StorageDriver } from '#storage/storage-driver.js';

import { blobDataPath, blobSizePath } from '../paths.js';
import {
  drivers,
  type OpenDriver,
  openFolder,
  otherRepository,
  repository,
  TestRegistry,
} from '../testing/registry.js';
import { steppedDriver } from '../testing/stepped-driver.js';

const emptyIndex = () => ({
  schemaVersion: 2,
  mediaType: MediaType.ociIndex,
  manifests: [],
  annotations: { unique: randomBytes(8).toString('hex') },
});

describe.each(drivers)('damaged bytes %s', (_where, open) => {
  let storage: OpenDriver;
  let registry: TestRegistry;

  beforeEach(async () => {
    storage = await open();
    registry = await TestRegistry.on(storage.driver);
  });

  afterEach(() => storage.close());

  const replica = () => TestRegistry.on(storage.driver, { cache: new MemoryCache({ sizes: 10 }) });
  const write = (digest: Digest, content: Buffer) =>
    storage.driver.put([{ path: blobDataPath(digest), content }]);
  const flip = (digest: Digest, content: Buffer) => write(digest, Buffer.from(content).fill('x'));
  const pushManifest = (manifest: object) => registry.pushManifest(repository, manifest);

  it('of a small blob are healed by a push, whoever is reading them meanwhile', async () => {
    const content = Buffer.from('a small blob');
    await atEachCallOfReader(
      storage.driver,
      async () => {
        const digest = await registry.pushBlob(repository, content);
        await flip(digest, content);
        return digest;
      },
      (reader, digest) => reader.blobs.open(repository, digest),
      () => registry.pushBlob(repository, content),
      async (digest, call) => {
        const { blobs } = await replica();
        // The size first: who has read the bytes does not look for a mark any more.
        const size = await blobs.stat(repository, digest);
        const { whole } = await blobs.open(repository, digest);
        expect([call, whole, size]).toEqual([call, content, content.length]);
      },
    );
  });

  it('of a manifest are healed by a push, whoever is reading them meanwhile', async () => {
    const manifest = emptyIndex();
    const content = Buffer.from(JSON.stringify(manifest));
    await atEachCallOfReader(
      storage.driver,
      async () => {
        const digest = await pushManifest(manifest);
        await flip(digest, content);
        return digest;
      },
      (reader, digest) => reader.manifests.get(repository, digest),
      () => pushManifest(manifest),
      async (digest, call) => {
        const { manifests, blobs } = await replica();
        const { body } = await manifests.get(repository, digest);
        expect([call, body, await blobs.contents.wholeSize(digest)]).toEqual([
          call,
          content,
          body.length,
        ]);
      },
    );
  });

  it('stay unknown to whom they were found by, whatever a cache that others share says of them', async () => {
    const content = Buffer.from('a small blob');
    const digest = await registry.pushBlob(repository, content);
    await flip(digest, content);
    const cache = new MemoryCache({ sizes: 10 });
    const [finder, other] = [
      await TestRegistry.on(storage.driver, { cache }),
      await TestRegistry.on(storage.driver, { cache }),
    ];
    await expect(finder.blobs.open(repository, digest)).rejects.toThrow(BlobDamaged);
    await other.blobs.has(repository, digest);
    await expect(finder.blobs.stat(repository, digest)).rejects.toThrow(BlobUnknown);
    expect(await finder.blobs.has(repository, digest)).toBe(false);
  });

  it('that one replica has found send clients of all others to push them again', async () => {
    const content = Buffer.from('a small blob');
    const digest = await registry.pushBlob(repository, content);
    await flip(digest, content);
    const [finder, other] = [await replica(), await replica()];
    await expect(finder.blobs.open(repository, digest)).rejects.toThrow(BlobDamaged);
    for (const { blobs } of [finder, other]) {
      await expect(blobs.stat(repository, digest)).rejects.toThrow(BlobUnknown);
      const mount = blobs.mount(otherRepository, digest, undefined);
      await expect(mount).rejects.toThrow(BlobUnknown);
    }
    await other.pushBlob(repository, content);
    for (const { blobs } of [finder, other, await replica()]) {
      expect((await blobs.open(repository, digest)).whole).toEqual(content);
      expect(await blobs.stat(repository, digest)).toBe(content.length);
    }
  });

  it('of a manifest are healed by a push to a replica that has the manifest in memory', async () => {
    const manifest = emptyIndex();
    const digest = await pushManifest(manifest);
    await flip(digest, Buffer.from(JSON.stringify(manifest)));
    const other = await replica();
    await expect(other.manifests.get(repository, digest)).rejects.toThrow(BlobDamaged);
    await pushManifest(manifest);
    expect((await other.manifests.get(repository, digest)).digest).toEqual(digest);
  });

  it('leave no mark where they were whole at a second look', async () => {
    const content = Buffer.from('a small blob');
    const digest = await registry.pushBlob(repository, content);
    await registry.blobs.contents.markIfDamaged(digest);
    expect(await (await replica()).blobs.stat(repository, digest)).toBe(content.length);
  });
});

describe('damaged bytes on a disk', () => {
  let storage: OpenDriver;
  let registry: TestRegistry;

  beforeEach(async () => {
    storage = await openFolder();
    registry = await TestRegistry.on(storage.driver);
  });

  afterEach(() => storage.close());

  it.each([
    ['right', 200_000],
    ['wrong', 1000],
  ])(
    'of a blob whose size was not known are healed by a push, also where a manifest tells the %s size meanwhile',
    async (_which, claimed) => {
      const content = randomBytes(200_000);
      const digest = Digest.of(content);
      const learn = ({ blobs }: TestRegistry) => blobs.contents.learnSize(digest, claimed);
      await registry.pushBlob(repository, content);
      await atEachCallOfReader(
        storage.driver,
        async () => {
          await storage.driver.put([
            { path: blobDataPath(digest), content: content.subarray(0, 1000) },
          ]);
          await storage.driver.remove(blobSizePath(digest));
          return digest;
        },
        learn,
        () => registry.pushBlob(repository, content),
        async (_digest, call) => {
          const { blobs } = await TestRegistry.on(storage.driver);
          expect([call, await blobs.stat(repository, digest)]).toEqual([call, content.length]);
        },
      );
    },
  );
});

/** For each call that a reader makes: the bytes are damaged, he reads them, and they are pushed again before that call. */
async function atEachCallOfReader(
  driver: StorageDriver,
  damage: () => Promise<Digest>,
  read: (reader: TestRegistry, digest: Digest) => Promise<unknown>,
  heal: () => Promise<unknown>,
  check: (digest: Digest, call: number) => Promise<void>,
): Promise<void> {
  let most = 0;
  // Before none of them in the first round, to know how many there are.
  for (let at = -1; at < most; at++) {
    const digest = await damage();
    let calls = 0;
    const stepped = steppedDriver(driver, async (call) => {
      calls++;
      if (call === at) await heal();
    });
    const reader = await TestRegistry.on(stepped, { secrets: ['sixteen bytes or more'] });
    await read(reader, digest).catch((error: unknown) => {
      if (!(error instanceof BlobDamaged)) throw error;
    });
    most = Math.max(most, calls);
    if (at >= 0 && calls > at) await check(digest, at);
  }
  expect(most).toBeGreaterThan(2);
}
