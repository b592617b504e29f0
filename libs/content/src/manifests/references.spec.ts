import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { Digest } from '#oci/digest.js';
import { ManifestBlobUnknown, ManifestInvalid } from '#oci/errors.js';
import { MediaType } from '#oci/media-type.js';
import { MemoryDriver } from '#storage/memory/memory-driver.js';

import { blobDataPath, blobLinkPath, revisionLinkPath } from '../paths.js';
import {
  emptyConfig,
  imageManifest,
  openFolder,
  otherRepository,
  repository,
  TestRegistry,
} from '../testing/registry.js';
import type { ValidationRules } from './references.js';

const missing = { mediaType: 'a/b', digest: `sha256:${'0'.repeat(64)}`, size: 1 };
const noUrls = { allow: [], deny: [] };
const foreign = 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip';
const dockerForeign = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';
const layer = 'application/vnd.oci.image.layer.v1.tar+gzip';

async function registryWith(rules: Partial<ValidationRules> = {}): Promise<TestRegistry> {
  const registry = await TestRegistry.on(new MemoryDriver(), {
    rules: { disabled: false, urls: noUrls, platforms: 'all', ...rules },
  });
  await registry.pushBlob(repository, emptyConfig);
  return registry;
}

const push = (registry: TestRegistry, manifest: object) =>
  registry.pushManifest(repository, manifest);
const indexOf = (...manifests: readonly object[]) => ({
  schemaVersion: 2,
  mediaType: MediaType.ociIndex,
  manifests,
});
const onPlatform = (architecture: string) => ({
  ...missing,
  mediaType: MediaType.ociManifest,
  platform: { os: 'linux', architecture },
});

describe('what a manifest refers to', () => {
  it('must be in its repository: config, layers and children', async () => {
    const registry = await registryWith();
    await registry.pushBlob(otherRepository, Buffer.from('elsewhere'));
    const elsewhere = { ...missing, digest: Digest.of(Buffer.from('elsewhere')).toString() };
    for (const manifest of [
      imageManifest({ config: missing }),
      imageManifest({ layers: [missing] }),
      imageManifest({ layers: [elsewhere] }),
      indexOf(missing),
      indexOf({ ...missing, mediaType: MediaType.ociManifest }),
      indexOf({ ...elsewhere, mediaType: MediaType.ociManifest }),
    ]) {
      await expect(push(registry, manifest)).rejects.toThrow(ManifestBlobUnknown);
    }
    const child = await push(registry, imageManifest());
    await push(registry, indexOf({ ...missing, digest: child.toString() }));
  });

  it('is named in the error, each once, as many as a person reads', async () => {
    const registry = await registryWith();
    const layers = Array.from({ length: 500 }, (_, index) => ({
      ...missing,
      digest: `sha256:${String(index % 250).padStart(64, '0')}`,
    }));
    const error = await push(registry, imageManifest({ layers })).catch(
      (thrown: unknown) => thrown,
    );
    const { detail } = error as ManifestBlobUnknown & {
      detail: { digests: string[]; more: number };
    };
    expect([new Set(detail.digests).size, detail.more]).toEqual([100, 150]);
  });

  it('may be missing as a subject', async () => {
    const registry = await registryWith();
    const digest = await push(registry, imageManifest({ subject: missing }));
    expect((await registry.manifests.get(repository, digest)).digest).toEqual(digest);
  });

  it('is nobody’s business in a type that nobody knows', async () => {
    const registry = await registryWith();
    const unknown = { mediaType: 'application/vnd.x+json', layers: [missing] };
    const digest = await push(registry, unknown);
    expect((await registry.manifests.get(repository, digest)).digest).toEqual(digest);
  });

  it('may be missing where validation is disabled, or for platforms that are not asked for', async () => {
    await push(await registryWith({ disabled: true }), imageManifest({ layers: [missing] }));
    const sparse = await registryWith({ platforms: 'none' });
    await push(sparse, indexOf(missing));
    await push(sparse, imageManifest({ layers: [missing] }));
    const listed = await registryWith({ platforms: [{ os: 'linux', architecture: 'amd64' }] });
    await push(listed, indexOf(onPlatform('arm64'), missing));
    await expect(push(listed, indexOf(onPlatform('amd64')))).rejects.toThrow(ManifestBlobUnknown);
    await expect(push(listed, imageManifest({ layers: [missing] }))).rejects.toThrow(
      ManifestBlobUnknown,
    );
  });

  describe('by URL', () => {
    const with_ = (mediaType: string, ...urls: readonly unknown[]) =>
      imageManifest({ layers: [{ ...missing, mediaType, urls }] });
    const allow = [/^https:\/\/example\.com\//];

    it.each([foreign, dockerForeign, layer])('is refused by default: %s', async (type) => {
      const registry = await registryWith();
      await expect(push(registry, with_(type, 'https://example.com/a'))).rejects.toThrow(
        ManifestInvalid,
      );
    });

    it('may be missing only as a foreign layer with an URL that is allowed', async () => {
      const registry = await registryWith({ urls: { allow, deny: [] } });
      await push(registry, with_(foreign, 'https://example.com/a'));
      await push(registry, with_(dockerForeign, 'https://example.com/a'));
      await expect(push(registry, with_(foreign))).rejects.toThrow(ManifestBlobUnknown);
      await expect(push(registry, with_(layer, 'https://example.com/a'))).rejects.toThrow(
        ManifestBlobUnknown,
      );
      await expect(push(registry, with_('a/b', 'https://example.com/a'))).rejects.toThrow(
        ManifestBlobUnknown,
      );
    });

    it.each([
      'https://example.org/a',
      'http://example.com/a',
      'https://example.com.evil.org/a',
      'https://example.com/a#b',
      'https://example.com/a#',
      'ftp://example.com/a',
      'javascript://example.com/a',
      'https://example.com/denied',
      'nothing',
      '',
    ])('is refused for %j among those that are allowed', async (url) => {
      const anything = await registryWith({
        urls: { allow: [...allow, /^(ftp|java)/], deny: [/denied/] },
      });
      const manifest = with_(foreign, 'https://example.com/a', url);
      await expect(push(anything, manifest)).rejects.toThrow(ManifestInvalid);
    });
  });

  it('may be 30,000 layers, and others are served meanwhile (row G9)', async () => {
    const registry = await registryWith();
    const layers = Array.from({ length: 30_000 }, (_, index) => ({
      ...missing,
      digest: `sha256:${String(index).padStart(64, '0')}`,
    }));
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    try {
      await expect(push(registry, imageManifest({ layers }))).rejects.toThrow(ManifestBlobUnknown);
    } finally {
      clearInterval(timer);
    }
    expect(turns).toBeGreaterThan(10);
  });
});

describe('what a manifest refers to, on a disk', () => {
  let storage: Awaited<ReturnType<typeof openFolder>>;
  let registry: TestRegistry;
  let confirmed: Set<string>;
  const config = Digest.of(emptyConfig);
  const link = blobLinkPath(repository, config);

  beforeEach(async () => {
    storage = await openFolder();
    registry = await TestRegistry.on(storage.driver);
    await registry.pushBlob(repository, emptyConfig);
    confirmed = new Set();
    const confirm = storage.driver.confirm.bind(storage.driver);
    jest.spyOn(storage.driver, 'confirm').mockImplementation(async (paths) => {
      await confirm(paths);
      for (const path of paths) confirmed.add(path);
    });
  });

  afterEach(() => storage.close());

  const keepOrder = (ordered: boolean) =>
    Object.defineProperty(storage.driver, 'ordered', { value: ordered });

  it('becomes durable with the manifest where the order of writes is kept', async () => {
    keepOrder(true);
    await push(registry, imageManifest());
    expect(confirmed.size).toBe(0);
  });

  it('is made durable where the order is not kept, link and bytes, before the manifest is there', async () => {
    keepOrder(false);
    const put = storage.driver.put.bind(storage.driver);
    jest.spyOn(storage.driver, 'put').mockImplementation(async (...given) => {
      expect(confirmed).toContain(link);
      expect(confirmed).toContain(blobDataPath(config));
      await put(...given);
    });
    const child = await push(registry, imageManifest());
    await push(registry, indexOf({ ...missing, mediaType: MediaType.ociManifest, digest: child }));
    expect(confirmed).toContain(revisionLinkPath(repository, child));
    expect.assertions(5);
  });

  it('is made durable where nothing of the manifest is left to write', async () => {
    keepOrder(true);
    const manifest = imageManifest();
    await registry.pushManifest(repository, manifest, 'latest');
    expect(confirmed).not.toContain(link);
    await registry.pushManifest(repository, manifest, 'latest');
    expect(confirmed).toContain(link);
  });

  it('is missing if it is removed before it was made durable', async () => {
    keepOrder(false);
    jest.spyOn(storage.driver, 'confirm').mockImplementationOnce(async (paths) => {
      await registry.blobs.delete(repository, config);
      await storage.driver.confirm(paths);
    });
    await expect(push(registry, imageManifest())).rejects.toThrow(ManifestBlobUnknown);
  });

  it('is missing if there is but a link to it, as a crash leaves it where the order is not kept', async () => {
    keepOrder(false);
    const child = await push(registry, imageManifest());
    await storage.driver.remove(blobDataPath(child));
    const index = indexOf({ ...missing, mediaType: MediaType.ociManifest, digest: child });
    await expect(push(registry, index)).rejects.toThrow(ManifestBlobUnknown);
  });
});
