import { LRUCache } from 'lru-cache';

import type { ContentCache } from '#cache/content-cache.js';
import { Digest } from '#oci/digest.js';
import { BlobDamaged, ManifestUnknown } from '#oci/errors.js';
import { type Manifest, maximumManifestSize, parseManifest } from '#oci/manifest.js';
import { MediaType } from '#oci/media-type.js';
import type { Tag } from '#oci/reference.js';
import type { RepositoryName } from '#oci/repository-name.js';
import {
  ContentTooLarge,
  PathNotFound,
  type StorageDriver,
  type StoredFile,
} from '#storage/storage-driver.js';

import type { BlobStore } from '../blobs/blob-store.js';
import { isBucket } from '../is-bucket.js';
import { linkFile, readLink } from '../links.js';
import { blobDataPath, mediaTypePath, revisionLinkPath } from '../paths.js';
import type { Referrers } from '../referrers.js';
import { sideBySide } from '../side-by-side.js';
import type { Tags } from '../tags.js';
import type { References } from './references.js';
import type { StoredManifest } from './stored-manifest.js';

/** Bodies kept in memory, in bytes. They are immutable; that a repository has one is asked of the storage each time. */
const mostKept = 64 * 1024 * 1024;

/** Manifests by digest, in their repositories. */
export class ManifestStore {
  readonly #kept = new LRUCache<string, StoredManifest>({
    maxSize: mostKept,
    sizeCalculation: ({ body }) => body.length * 2 + 1024,
  });
  readonly #learned = new LRUCache<string, true>({ max: 50_000 });

  /** @param cache bodies that somebody has read before; none if undefined */
  constructor(
    private readonly driver: StorageDriver,
    private readonly blobs: BlobStore,
    private readonly tags: Tags,
    private readonly referrers: Referrers,
    private readonly references: References,
    private readonly cache?: ContentCache,
  ) {}

  /**
   * @throws {ManifestUnknown}
   * @throws {BlobDamaged} if the stored bytes do not have the digest
   */
  async get(name: RepositoryName, digest: Digest): Promise<StoredManifest> {
    const kept = this.#kept.get(this.#keyOf(name, digest));
    const shared = kept === undefined ? this.cache?.manifest(digest) : undefined;
    if (!(await this.#hasRevision(name, digest))) throw new ManifestUnknown(name, digest);
    if (kept === undefined) return this.#read(name, digest, await shared);
    return this.#mayBeOfAnotherType(kept) ? this.#typed(name, digest, kept.body) : kept;
  }

  /**
   * What a tag points to. In a bucket the tag alone says that the repository has the manifest: it is written after the
   * revision and, when the manifest is deleted, removed before the answer (ADR 0023).
   *
   * @throws {ManifestUnknown} @throws {BlobDamaged}
   */
  async getTagged(name: RepositoryName, tag: Tag): Promise<StoredManifest> {
    const digest = await this.tags.resolve(name, tag);
    return isBucket(this.driver) ? this.#load(name, digest) : this.get(name, digest);
  }

  /**
   * Writes a manifest, and then the tags that are to point at it. All is durable when it resolves.
   * @throws {ManifestInvalid} @throws {ManifestBlobUnknown}
   */
  async put(
    name: RepositoryName,
    pushed: { body: Buffer; contentType: string | undefined; digest: Digest },
    tags: readonly Tag[],
  ): Promise<StoredManifest> {
    const { body, contentType, digest } = pushed;
    const manifest = parseManifest(body, contentType);
    await this.references.check(name, manifest);
    const stored: StoredManifest = { digest, mediaType: manifest.mediaType, body, manifest };
    const records = this.#recordsOf(name, stored);
    const isStored = await this.#isStored(name, stored, records);
    const files = isStored ? [] : [{ path: blobDataPath(digest), content: body }, ...records];
    const moved =
      isStored || !isBucket(this.driver) ? await this.#toMove(name, tags, digest) : tags;
    const tagFiles = moved.map((tag) => this.tags.filesFor(name, tag, digest));
    await this.#write(
      [...files, ...tagFiles.map(({ before }) => before)],
      tagFiles.map(({ last }) => last),
    );
    if (files.length > 0) await this.blobs.noteVerified(digest, body.length);
    // The same bytes may have been pushed as another type before, which then had to be written down.
    if (manifest.tellsMediaType && !manifest.declaresMediaType) {
      await this.driver.remove(mediaTypePath(name, digest));
    }
    // A concurrent delete of this digest may have removed the revision before it could see the tag, or the tag's index.
    const [hasRevision] = await Promise.all([
      this.#hasRevision(name, digest),
      sideBySide(moved, (tag) => this.tags.mendIndex(name, tag, digest)),
    ]);
    if (!hasRevision) await this.driver.put(records);
    await this.learnSizes(stored);
    this.#kept.set(this.#keyOf(name, digest), stored);
    this.cache?.rememberManifest(digest, body);
    return stored;
  }

  /**
   * Takes the manifest from the repository, then the tags that still point at it.
   * @returns the tags that were removed
   * @throws {ManifestUnknown}
   */
  async delete(name: RepositoryName, digest: Digest): Promise<Tag[]> {
    const known = await this.#hasRevision(name, digest);
    const stored = known ? await this.#loadIfWhole(name, digest) : undefined;
    const link = revisionLinkPath(name, digest);
    if (known) await this.driver.remove(link);
    const removed = await this.tags.deleteAllOf(name, digest);
    // Tags without a revision are what a delete left that was cut off; sent again, it is finished.
    if (!known && removed.length === 0) throw new ManifestUnknown(name, digest);
    if (stored !== undefined) await this.referrers.remove(name, stored);
    if (stored?.manifest?.declaresMediaType !== true) {
      await this.driver.remove(mediaTypePath(name, digest));
    }
    await this.driver.removeFolder(link.slice(0, link.lastIndexOf('/')));
    // A concurrent push may have put it back before those of its records went that go after the revision.
    const records = stored === undefined ? [] : this.#recordsOf(name, stored);
    if (records.length > 1 && (await this.#hasRevision(name, digest))) {
      await this.driver.put(records);
    }
    return removed;
  }

  /** What is written beside the bytes. */
  #recordsOf(name: RepositoryName, stored: StoredManifest): StoredFile[] {
    const { digest, manifest } = stored;
    return [
      linkFile(revisionLinkPath(name, digest), digest),
      ...(manifest?.tellsMediaType === false ? [mediaTypeFile(name, stored)] : []),
      ...this.referrers.filesFor(name, stored),
    ];
  }

  /** {@link learnSizes} in the background, for each manifest at its first pull from this process. */
  async learnSizesOnce(stored: StoredManifest): Promise<void> {
    const key = stored.digest.toString();
    if (this.#learned.has(key)) return;
    this.#learned.set(key, true);
    await this.learnSizes(stored).catch(() => this.#learned.delete(key));
  }

  /** Writes down the sizes of blobs that came with an adopted storage. */
  async learnSizes({ manifest }: StoredManifest): Promise<void> {
    if (manifest === undefined || !this.driver.alterable) return;
    const named = manifest.config ? [manifest.config, ...manifest.layers] : manifest.layers;
    await sideBySide(named, ({ digest, size }) => this.blobs.learnSize(digest, size));
  }

  /** Those that do not point at the manifest yet. */
  async #toMove(name: RepositoryName, tags: readonly Tag[], digest: Digest): Promise<Tag[]> {
    const set = new Set<Tag>();
    await sideBySide(tags, async (tag) => {
      if (await this.tags.isSet(name, tag, digest)) set.add(tag);
    });
    return tags.filter((tag) => !set.has(tag));
  }

  async #write(files: readonly StoredFile[], last: readonly StoredFile[]): Promise<void> {
    if (files.length + last.length > 0) await this.driver.put(files, last);
  }

  async #hasRevision(name: RepositoryName, digest: Digest): Promise<boolean> {
    const target = await readLink(this.driver, revisionLinkPath(name, digest));
    return target !== undefined && target.equals(digest);
  }

  /** Whether all that a push of it would write is there, so that only tags need writing. */
  async #isStored(
    name: RepositoryName,
    { digest, body, mediaType }: StoredManifest,
    records: readonly StoredFile[],
  ): Promise<boolean> {
    const known = this.#kept.get(this.#keyOf(name, digest));
    if (known?.mediaType !== mediaType) return false;
    if (!(await this.#hasRevision(name, digest))) return false;
    if ((await this.blobs.wholeSize(digest)) !== body.length) return false;
    try {
      const paths = [blobDataPath(digest), ...records.map(({ path }) => path)];
      // The bytes and the revision were seen, which is enough in a bucket.
      await this.driver.confirm(isBucket(this.driver) ? paths.slice(2) : paths);
    } catch (error) {
      if (error instanceof PathNotFound) return false;
      throw error;
    }
    return true;
  }

  async #loadIfWhole(name: RepositoryName, digest: Digest): Promise<StoredManifest | undefined> {
    try {
      return await this.#load(name, digest);
    } catch (error) {
      if (error instanceof BlobDamaged || error instanceof ManifestUnknown) return undefined;
      throw error;
    }
  }

  /** Of a repository that has it. */
  async #load(name: RepositoryName, digest: Digest): Promise<StoredManifest> {
    const kept = this.#kept.get(this.#keyOf(name, digest));
    if (kept === undefined) return this.#read(name, digest, await this.cache?.manifest(digest));
    return this.#mayBeOfAnotherType(kept) ? this.#typed(name, digest, kept.body) : kept;
  }

  async #read(name: RepositoryName, digest: Digest, known?: Buffer): Promise<StoredManifest> {
    const stored = await this.#typed(name, digest, known ?? (await this.#readBody(name, digest)));
    this.#kept.set(this.#keyOf(name, digest), stored);
    return stored;
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
    await this.blobs.markDamaged(digest);
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

  /** The same bytes may be of one type in one repository and of another in the next. */
  #keyOf(name: RepositoryName, digest: Digest): string {
    return `${name}@${digest.toString()}`;
  }
}

function mediaTypeFile(name: RepositoryName, { digest, mediaType }: StoredManifest): StoredFile {
  return { path: mediaTypePath(name, digest), content: Buffer.from(mediaType, 'latin1') };
}

function parseIfPossible(body: Buffer, mediaType: string | undefined): Manifest | undefined {
  try {
    return parseManifest(body, mediaType);
  } catch {
    return undefined;
  }
}
