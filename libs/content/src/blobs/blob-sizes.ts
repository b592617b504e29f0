import { LRUCache } from 'lru-cache';

import type { Digest } from '#oci/digest.js';
import {
  ContentTooLarge,
  PathNotFound,
  type StorageDriver,
  type StoredStat,
} from '#storage/storage-driver.js';

import { isBucket } from '../is-bucket.js';
import { blobSizePath } from '../paths.js';

/** What the record of a blob says of its file. */
export type Judgement = 'whole' | 'of another size' | 'marked as damaged' | 'unknown';

/** Longer than any record. */
const longest = 256;

/**
 * The sizes that blobs had when they were verified, written down where somebody may change the files behind the registry's
 * back, and everywhere which files are damaged. A mark names the file as it was found, so that it says nothing of the one that
 * the next push puts in its place, whoever writes first. A record lost in a crash is learned again from the next manifest that
 * names the blob.
 */
export class BlobSizes {
  /** What this process has found damaged, until it is pushed again here. */
  readonly #doubted = new LRUCache<string, true>({ max: 10_000 });

  constructor(private readonly driver: StorageDriver) {}

  /** Whether a record is likely enough to look for. In a bucket there is none but of damage. */
  expects(digest: Digest): boolean {
    return this.driver.alterable || this.#doubted.has(digest.toString());
  }

  async read(digest: Digest): Promise<(found: StoredStat) => Judgement> {
    const path = blobSizePath(digest);
    let text: string;
    try {
      const content =
        this.driver.getAtOnce(path, longest) ?? (await this.driver.get(path, { limit: longest }));
      text = content.toString('latin1');
    } catch (error) {
      if (error instanceof PathNotFound || error instanceof ContentTooLarge) return () => 'unknown';
      throw error;
    }
    return (found) => {
      if (text === this.#markOf(found)) return 'marked as damaged';
      if (!/^\d{1,15}$/.test(text)) return 'unknown';
      return Number(text) === found.size ? 'whole' : 'of another size';
    };
  }

  async set(digest: Digest, size: number): Promise<void> {
    const wasDoubted = this.#doubted.delete(digest.toString());
    if (this.driver.alterable) await this.#write(digest, String(size));
    else if (wasDoubted) await this.forget(digest);
  }

  async forget(digest: Digest): Promise<void> {
    await this.driver.remove(blobSizePath(digest));
  }

  async markDamaged(digest: Digest, found: StoredStat): Promise<void> {
    this.#doubted.set(digest.toString(), true);
    await this.#write(digest, this.#markOf(found));
  }

  /** A disk's version is good for one process only. */
  #markOf({ size, modifiedAt, version = '' }: StoredStat): string {
    return `damaged ${size} ${modifiedAt} ${isBucket(this.driver) ? version : ''}`.trimEnd();
  }

  async #write(digest: Digest, text: string): Promise<void> {
    await this.driver.putVolatile({ path: blobSizePath(digest), content: Buffer.from(text) });
  }
}
