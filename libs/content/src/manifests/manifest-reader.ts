import { LRUCache } from 'lru-cache';

import type { ContentCache } from '#cache/content-cache.js';
import { Digest } from '#oci/digest.js';
import { BlobDamaged, ManifestUnknown } from '#oci/errors.js';
import { type Manifest, maximumManifestSize, parseManifest } from '#oci/manifest.js';
import { MediaType } from '#oci/media-type.js';
import type { RepositoryName } from '#oci/repository-name.js';
import { ContentTooLarge, PathNotFound, type StorageDriver } from '#storage/storage-driver.js';

import type { BlobStore } from '../blobs/blob-store.js';
import { blobDataPath, mediaTypePath } from '../paths.js';
import type { StoredManifest } from './stored-manifest.js';

/** Bytes of manifests kept in memory. They are immutable; that a repository has one is asked of the storage each time. */
const mostKept = 32 * 1024 * 1024;

/** Manifests as they are stored, parsed once; whether the repository has them is for others to know. */
export class ManifestReader {
  readonly #kept = new LRUCache<string, StoredManifest>({
    maxSize: mostKept,
    sizeCalculation: memoryOf,
  });

  /** @param cache bodies that somebody has read before; none if undefined */
  constructor(
    private readonly driver: StorageDriver,
    private readonly blobs: BlobStore,
    private readonly cache?: ContentCache,
  ) {}

  kept(name: RepositoryName, digest: Digest): StoredManifest | undefined {
    return this.#kept.get(keyOf(name, digest));
  }

  keep(name: RepositoryName, stored: StoredManifest): void {
    this.#kept.set(keyOf(name, stored.digest), stored);
    this.cache?.rememberManifest(stored.digest, stored.body);
  }

  /** What a cache elsewhere knows of one that this process does not keep. */
  async lookUp(name: RepositoryName, digest: Digest): Promise<Buffer | undefined> {
    return this.#kept.has(keyOf(name, digest)) ? undefined : this.cache?.manifest(digest);
  }

  /** @throws {ManifestUnknown} @throws {BlobDamaged} */
  async load(
    name: RepositoryName,
    digest: Digest,
    shared = this.lookUp(name, digest),
  ): Promise<StoredManifest> {
    const kept = this.kept(name, digest);
    if (kept !== undefined) {
      return this.#mayBeOfAnotherType(kept) ? this.#typed(name, digest, kept.body) : kept;
    }
    const body = (await shared) ?? (await this.#readBody(name, digest));
    const stored = await this.#typed(name, digest, body);
    this.#kept.set(keyOf(name, digest), stored);
    return stored;
  }

  async loadIfWhole(name: RepositoryName, digest: Digest): Promise<StoredManifest | undefined> {
    try {
      return await this.load(name, digest);
    } catch (error) {
      if (error instanceof BlobDamaged || error instanceof ManifestUnknown) return undefined;
      throw error;
    }
  }

  /** Where it does not say itself what it is, another replica may just have been told another type. */
  #mayBeOfAnotherType({ manifest }: StoredManifest): boolean {
    return this.cache !== undefined && manifest?.declaresMediaType !== true;
  }

  async #typed(name: RepositoryName, digest: Digest, body: Buffer): Promise<StoredManifest> {
    const untold = parseIfPossible(body, undefined);
    const written = untold?.declaresMediaType
      ? undefined
      : await this.#writtenMediaType(name, digest);
    const manifest = written === undefined ? untold : parseIfPossible(body, written);
    const mediaType = manifest?.mediaType ?? written ?? MediaType.octetStream;
    return { digest, mediaType, body, manifest };
  }

  async #readBody(name: RepositoryName, digest: Digest): Promise<Buffer> {
    let body: Buffer;
    try {
      body = await this.driver.get(blobDataPath(digest), { limit: maximumManifestSize });
    } catch (error) {
      if (error instanceof PathNotFound) throw new ManifestUnknown(name, digest);
      if (error instanceof ContentTooLarge) throw new BlobDamaged(digest, { size: error.size });
      throw error;
    }
    if (Digest.of(body, digest.algorithm).equals(digest)) {
      this.cache?.rememberManifest(digest, body);
      return body;
    }
    await this.blobs.contents.markIfDamaged(digest);
    throw new BlobDamaged(digest);
  }

  async #writtenMediaType(name: RepositoryName, digest: Digest): Promise<string | undefined> {
    try {
      const content = await this.driver.get(mediaTypePath(name, digest), { limit: 1024 });
      return content.toString('latin1');
    } catch (error) {
      if (error instanceof PathNotFound || error instanceof ContentTooLarge) return undefined;
      throw error;
    }
  }
}

/** Bytes, as measured and a little more: the body, its texts once more, and the objects that hold them. */
function memoryOf({ body, manifest }: StoredManifest): number {
  const descriptors = manifest ? manifest.layers.length + manifest.manifests.length : 0;
  return body.length * 2 + 1800 + descriptors * 400;
}

/** The same bytes may be of one type in one repository and of another in the next. */
function keyOf(name: RepositoryName, digest: Digest): string {
  return `${name}@${digest.toString()}`;
}

function parseIfPossible(body: Buffer, mediaType: string | undefined): Manifest | undefined {
  try {
    return parseManifest(body, mediaType);
  } catch {
    return undefined;
  }
}
