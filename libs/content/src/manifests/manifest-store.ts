import { LRUCache } from 'lru-cache';

import type { ContentCache } from '#cache/content-cache.js';
import type { Digest } from '#oci/digest.js';
import { ManifestUnknown } from '#oci/errors.js';
import { parseManifest } from '#oci/manifest.js';
import type { Tag } from '#oci/reference.js';
import type { RepositoryName } from '#oci/repository-name.js';
import {
  ContentTooLarge,
  PathNotFound,
  type StorageDriver,
  StorageUnavailable,
  type StoredFile,
} from '#storage/storage-driver.js';

import type { BlobStore } from '../blobs/blob-store.js';
import { isBucket } from '../is-bucket.js';
import { canConfirm, linkFile, readLink } from '../links.js';
import { blobDataPath, mediaTypePath, revisionLinkPath } from '../paths.js';
import type { Referrers } from '../referrers.js';
import { sideBySide } from '../side-by-side.js';
import type { Tags } from '../tags.js';
import { ManifestReader } from './manifest-reader.js';
import type { References } from './references.js';
import type { StoredManifest } from './stored-manifest.js';

/** Others who push and delete one manifest at the same time, one after the other, before a request gives up. */
const mostRounds = 50;

/** Manifests by digest, in their repositories. */
export class ManifestStore {
  readonly #reader: ManifestReader;
  readonly #learned = new LRUCache<string, true>({ max: 50_000 });

  /** @param cache bodies that somebody has read before; none if undefined */
  constructor(
    private readonly driver: StorageDriver,
    private readonly blobs: BlobStore,
    private readonly tags: Tags,
    private readonly referrers: Referrers,
    private readonly references: References,
    cache?: ContentCache,
  ) {
    this.#reader = new ManifestReader(driver, blobs, cache);
  }

  /**
   * @throws {ManifestUnknown}
   * @throws {BlobDamaged} if the stored bytes do not have the digest
   */
  async get(name: RepositoryName, digest: Digest): Promise<StoredManifest> {
    const shared = this.#reader.lookUp(name, digest);
    if (!(await this.#hasRevision(name, digest))) throw new ManifestUnknown(name, digest);
    return this.#reader.load(name, digest, shared);
  }

  /**
   * What a tag points to. In a bucket the tag alone says that the repository has the manifest: it is written after the
   * revision and, when the manifest is deleted, removed before the answer (ADR 0023).
   *
   * @throws {ManifestUnknown} @throws {BlobDamaged}
   */
  async getTagged(name: RepositoryName, tag: Tag): Promise<StoredManifest> {
    const digest = await this.tags.resolve(name, tag);
    return isBucket(this.driver) ? this.#reader.load(name, digest) : this.get(name, digest);
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
    const found = await this.references.check(name, manifest);
    const stored: StoredManifest = { digest, mediaType: manifest.mediaType, body, manifest };
    const records = this.#recordsOf(name, stored);
    const isStored = await this.#isStored(name, stored, records);
    const files = isStored ? [] : [{ path: blobDataPath(digest), content: body }, ...records];
    // A tag that pointed here before the manifest was written again may have gone with the manifest that was there.
    const moved = isStored ? await this.#toMove(name, tags, digest) : tags;
    const tagFiles = moved.map((tag) => this.tags.filesFor(name, tag, digest));
    const changes = [...files, ...tagFiles.map(({ before }) => before)];
    if (changes.length === 0 || !this.driver.ordered) {
      await this.references.confirm(name, manifest, found);
    }
    if (changes.length > 0) {
      await this.driver.put(
        changes,
        tagFiles.map(({ last }) => last),
      );
    }
    if (files.length > 0) await this.blobs.contents.noteVerified(digest, body.length);
    // The same bytes may have been pushed as another type before, which then had to be written down.
    if (manifest.tellsMediaType && !manifest.declaresMediaType) {
      await this.driver.remove(mediaTypePath(name, digest));
    }
    await Promise.all([
      this.#holdAgainstDeletes(name, { digest, records, tags }),
      sideBySide(moved, (tag) => this.tags.mendIndex(name, tag, digest)),
    ]);
    await this.learnSizes(stored);
    this.#reader.keep(name, stored);
    return stored;
  }

  /**
   * Takes the manifest from the repository, then the tags that still point at it. If somebody pushes it again meanwhile, it
   * is there with all tags that were not removed before.
   * @returns the tags that were removed
   * @throws {ManifestUnknown}
   */
  async delete(name: RepositoryName, digest: Digest): Promise<Tag[]> {
    const hasRevision = () => this.#hasRevision(name, digest);
    const known = await hasRevision();
    const stored = known ? await this.#reader.loadIfWhole(name, digest) : undefined;
    const link = revisionLinkPath(name, digest);
    if (known) await this.driver.remove(link);
    const removed = await this.tags.deleteAllOf(name, digest, hasRevision);
    // Tags without a revision are what a delete left that was cut off; sent again, it is finished.
    if (!known && removed.length === 0) throw new ManifestUnknown(name, digest);
    if (stored !== undefined) await this.referrers.remove(name, stored);
    if (stored?.manifest?.declaresMediaType !== true) {
      await this.driver.remove(mediaTypePath(name, digest));
    }
    await this.driver.removeFolder(link.slice(0, link.lastIndexOf('/')));
    // What went after the revision may have been of a push that came after that.
    const others = stored === undefined ? [] : this.#recordsOf(name, stored).slice(1);
    if (others.length > 0 && (await hasRevision())) {
      await sideBySide(others, async (file) => {
        await this.driver.create(file);
      });
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
    await sideBySide(named, ({ digest, size }) => this.blobs.contents.learnSize(digest, size));
  }

  /** Those that do not point at the manifest yet. */
  async #toMove(name: RepositoryName, tags: readonly Tag[], digest: Digest): Promise<Tag[]> {
    const set = new Set<Tag>();
    await sideBySide(tags, async (tag) => {
      if (await this.tags.isSet(name, tag, digest)) set.add(tag);
    });
    return tags.filter((tag) => !set.has(tag));
  }

  async #hasRevision(name: RepositoryName, digest: Digest): Promise<boolean> {
    const target = await readLink(this.driver, revisionLinkPath(name, digest));
    return target !== undefined && target.equals(digest);
  }

  /**
   * A delete of this digest at the same time may have taken the revision before it could see a tag: then all is written again,
   * as after that delete. If it took the tags too there is nothing to do: it came later.
   */
  async #holdAgainstDeletes(
    name: RepositoryName,
    {
      digest,
      records,
      tags,
    }: { digest: Digest; records: readonly StoredFile[]; tags: readonly Tag[] },
  ): Promise<void> {
    const others = records.slice(1);
    for (let round = 0; round < mostRounds; round++) {
      if (await this.#hasRevision(name, digest)) {
        if (await this.#areThere(others)) return;
        await this.driver.put(others);
      } else {
        const left = await Promise.all(tags.map((tag) => this.tags.pointsAt(name, tag, digest)));
        if (!left.includes(true)) return;
        await this.driver.put(records);
        await sideBySide(tags, (tag) => this.tags.putBack(name, tag, digest));
      }
    }
    throw pushedAllTheTime(digest);
  }

  async #areThere(files: readonly StoredFile[]): Promise<boolean> {
    try {
      await Promise.all(files.map(({ path }) => this.driver.stat(path)));
      return true;
    } catch (error) {
      if (error instanceof PathNotFound) return false;
      throw error;
    }
  }

  /** Whether all that a push of it would write is there, so that only tags need writing. */
  async #isStored(
    name: RepositoryName,
    { digest, body, mediaType }: StoredManifest,
    records: readonly StoredFile[],
  ): Promise<boolean> {
    const known = this.#reader.kept(name, digest);
    if (known?.mediaType !== mediaType) return false;
    if (!(await this.#hasRevision(name, digest))) return false;
    if (!(await this.#hasBody(digest, body))) return false;
    const paths = [blobDataPath(digest), ...records.map(({ path }) => path)];
    // The bytes and the revision were seen, which is enough in a bucket.
    return canConfirm(this.driver, isBucket(this.driver) ? paths.slice(2) : paths);
  }

  /** Bytes of the right number may be wrong, and only who has them can put them right. */
  async #hasBody(digest: Digest, body: Buffer): Promise<boolean> {
    try {
      const stored = await this.driver.get(blobDataPath(digest), { limit: body.length });
      if (!stored.equals(body)) return false;
    } catch (error) {
      if (error instanceof PathNotFound || error instanceof ContentTooLarge) return false;
      throw error;
    }
    return isBucket(this.driver) || (await this.blobs.contents.wholeSize(digest)) === body.length;
  }
}

function pushedAllTheTime(digest: Digest): StorageUnavailable {
  return new StorageUnavailable(`others push and delete ${digest.toString()} all the time`);
}

function mediaTypeFile(name: RepositoryName, { digest, mediaType }: StoredManifest): StoredFile {
  return { path: mediaTypePath(name, digest), content: Buffer.from(mediaType, 'latin1') };
}
