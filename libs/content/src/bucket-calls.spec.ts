import { randomBytes } from 'node:crypto';

import { beforeEach, describe, expect, it, jest } from '@jest/globals';

import { MemoryCache } from '#cache/memory/memory-cache.js';
import { Digest } from '#oci/digest.js';
import { BlobUnknown, ManifestUnknown } from '#oci/errors.js';
import { parseTag } from '#oci/reference.js';
import { storageMiddlewareConfig } from '#storage/addresses/address-config.js';
import { BlobAddresses } from '#storage/addresses/blob-addresses.js';
import { MemoryDriver } from '#storage/memory/memory-driver.js';
import type { StoredFile } from '#storage/storage-driver.js';
import { RecordingLog } from '#telemetry/testing/recording-log.js';

import { BlobStore } from './blobs/blob-store.js';
import { revisionLinkPath, tagIndexLinkPath } from './paths.js';
import { imageManifest, otherRepository, repository, TestRegistry } from './testing/registry.js';

const tag = parseTag('latest');

/** A memory that writes down what a bucket would be asked. */
class CountedDriver extends MemoryDriver {
  #asked: string[] = [];
  #listing = false;

  /** In the order of the alphabet: what is done side by side has no other. */
  async during(action: () => Promise<unknown>): Promise<string[]> {
    this.#asked = [];
    await action();
    return this.#asked.toSorted();
  }

  override get(...given: Parameters<MemoryDriver['get']>) {
    this.#note('get', given[0]);
    return super.get(...given);
  }

  override async stat(path: string) {
    // The memory looks into each folder that a bucket lists in one go.
    if (!this.#listing) this.#note('stat', path);
    return super.stat(path);
  }

  override async put(files: readonly StoredFile[], last: readonly StoredFile[] = []) {
    for (const { path } of [...files, ...last]) this.#note('put', path);
    return super.put(files, last);
  }

  override async confirm(paths: readonly string[]) {
    for (const path of paths) this.#note('confirm', path);
    return super.confirm(paths);
  }

  override async remove(path: string) {
    this.#note('remove', path);
    return super.remove(path);
  }

  override async removeIf(...given: Parameters<MemoryDriver['removeIf']>) {
    this.#note('compare', given[0]);
    return super.removeIf(...given);
  }

  override async removeTree(path: string) {
    this.#note('empty', path);
    return super.removeTree(path);
  }

  override async foldersWith(...given: Parameters<MemoryDriver['foldersWith']>) {
    this.#note('list', given[0]);
    this.#listing = true;
    try {
      return await super.foldersWith(...given);
    } finally {
      this.#listing = false;
    }
  }

  #note(call: string, path: string): void {
    const [kind = path] =
      /_layers|revisions|index|current|blobs|tags$|_media-types|_referrers|sizes/.exec(path) ?? [];
    this.#asked.push(`${call} ${kind}`);
  }
}

describe('calls to a bucket', () => {
  let driver: CountedDriver;
  let registry: TestRegistry;
  let manifest: Readonly<Record<string, unknown>>;

  const another = () => TestRegistry.on(driver, { cache: new MemoryCache() });

  beforeEach(async () => {
    driver = new CountedDriver();
    registry = await another();
    const layers = await Promise.all(
      [1, 2, 3].map(async () => {
        const content = randomBytes(50);
        const digest = await registry.pushBlob(repository, content);
        return {
          mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
          digest: digest.toString(),
          size: 50,
        };
      }),
    );
    const [config] = layers;
    manifest = imageManifest({ config, layers });
  });

  const push = () => registry.pushManifest(repository, manifest, tag);

  it('are four links, four writes and one look back for a manifest and its tag', async () => {
    expect(await driver.during(push)).toEqual([
      ...Array<string>(3).fill('get _layers'),
      'get revisions',
      'put blobs',
      'put current',
      'put index',
      'put revisions',
    ]);
  });

  it('are looks only for a manifest and a tag that are there', async () => {
    await push();
    expect(await driver.during(push)).toEqual([
      ...Array<string>(3).fill('get _layers'),
      'get blobs',
      'get current',
      'get index',
      'get revisions',
      'get revisions',
    ]);
  });

  it('are the tag alone for a pull by tag, and once the body', async () => {
    await push();
    const pull = () => registry.manifests.getTagged(repository, tag);
    expect(await driver.during(pull)).toEqual(['get current']);
    registry = await another();
    expect(await driver.during(pull)).toEqual(['get blobs', 'get current']);
    expect(await driver.during(pull)).toEqual(['get current']);
  });

  it('are the link alone for a blob whose size is known', async () => {
    const digest = await registry.pushBlob(repository, randomBytes(100_000));
    const look = () => registry.blobs.stat(repository, digest);
    expect(await driver.during(look)).toEqual(['get _layers']);
    registry = await another();
    expect(await driver.during(look)).toEqual(['get _layers', 'get sizes', 'stat blobs']);
    expect(await driver.during(look)).toEqual(['get _layers']);
  });

  it('are the link alone for a blob that the client fetches itself, and the link once for one too small for that', async () => {
    const sources = storageMiddlewareConfig.parse([
      { name: 'redirect', options: { baseurl: 'https://bucket.example' } },
    ]);
    const rules = { disable: false, minsize: 1000 };
    const addresses = await BlobAddresses.open(driver, rules, sources, new RecordingLog());
    const blobs = new BlobStore(driver, addresses, new MemoryCache());
    const [small, large] = [
      await registry.pushBlob(repository, randomBytes(999)),
      await registry.pushBlob(repository, randomBytes(1000)),
    ];
    const get = async (digest: Digest) => {
      const address = await blobs.addressOf(repository, digest, { method: 'GET' });
      if (address === undefined) await blobs.open(repository, digest);
      return address;
    };
    // Of a size that nobody knows here the client hears that it may go.
    expect(await driver.during(() => get(small))).toEqual(['get _layers']);
    for (const digest of [small, large]) await blobs.stat(repository, digest);
    expect(await get(small)).toBeUndefined();
    expect(await get(large)).toContain('https://bucket.example/');
    expect(await driver.during(() => get(large))).toEqual(['get _layers']);
    expect(await driver.during(() => get(small))).toEqual(['get _layers']);
    const absent = Digest.of(Buffer.from('absent'));
    await expect(get(absent)).rejects.toThrow(BlobUnknown);
  });

  it('are a look at the link, at the data and for a mark of damage for a mount', async () => {
    const digest = await registry.pushBlob(repository, randomBytes(10));
    expect(
      await driver.during(() => registry.blobs.mount(otherRepository, digest, repository)),
    ).toEqual(['get _layers', 'get sizes', 'put _layers', 'stat blobs']);
  });

  it('are three looks at the revision and the comparison of each tag for a delete', async () => {
    const digest = await push();
    expect(await driver.during(() => registry.manifests.delete(repository, digest))).toEqual([
      'compare current',
      ...Array<string>(3).fill('get revisions'),
      'list tags',
      'remove revisions',
    ]);
  });

  it('are a look and the removal for a tag', async () => {
    await push();
    expect(await driver.during(() => registry.tags.delete(repository, tag))).toEqual([
      'remove current',
      'stat current',
    ]);
  });

  describe('that are saved', () => {
    let digest: Digest;

    beforeEach(async () => {
      digest = await push();
    });

    it('answer no tag whose manifest was deleted', async () => {
      const other = await another();
      await other.manifests.getTagged(repository, tag);
      await registry.manifests.delete(repository, digest);
      for (const each of [registry, other]) {
        await expect(each.manifests.getTagged(repository, tag)).rejects.toThrow(ManifestUnknown);
      }
    });

    it('answer a tag that is moved while what it pointed to is deleted', async () => {
      const next = await registry.pushManifest(repository, { ...manifest, annotations: {} });
      // A reader that has seen the tag before the move looks for the manifest after the delete.
      const resolve = jest.spyOn(registry.tags, 'resolve').mockImplementationOnce(async () => {
        await registry.pushManifest(repository, { ...manifest, annotations: {} }, tag);
        await registry.manifests.delete(repository, digest);
        return digest;
      });
      const seen = await registry.manifests.getTagged(repository, tag);
      expect(seen.digest.equals(digest)).toBe(true);
      resolve.mockRestore();
      expect((await registry.manifests.getTagged(repository, tag)).digest.equals(next)).toBe(true);
    });

    it('write again what somebody took away', async () => {
      for (const path of [
        revisionLinkPath(repository, digest),
        tagIndexLinkPath(repository, tag, digest),
      ]) {
        await driver.remove(path);
        await push();
        expect((await driver.get(path, { limit: 100 })).toString()).toBe(digest.toString());
      }
    });
  });
});
