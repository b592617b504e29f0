import type { Digest } from '#oci/digest.js';
import { ContentTooLarge, PathNotFound, type StorageDriver } from '#storage/storage-driver.js';

import { blobSizePath } from '../paths.js';

const damaged = 'damaged';

/**
 * The sizes that blobs had when they were verified, written down where somebody may change the files behind the registry's
 * back. A record lost in a crash is learned again from the next manifest that names the blob.
 */
export class BlobSizes {
  constructor(private readonly driver: StorageDriver) {}

  /** Bytes; `damaged` when the stored bytes are known to be wrong; undefined when nothing was written down. */
  async get(digest: Digest): Promise<number | 'damaged' | undefined> {
    if (!this.driver.alterable) return undefined;
    const path = blobSizePath(digest);
    let text: string;
    try {
      const content =
        this.driver.getAtOnce(path, 32) ?? (await this.driver.get(path, { limit: 32 }));
      text = content.toString('latin1');
    } catch (error) {
      if (error instanceof PathNotFound || error instanceof ContentTooLarge) return undefined;
      throw error;
    }
    if (text === damaged) return damaged;
    return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  }

  async set(digest: Digest, size: number): Promise<void> {
    if (this.driver.alterable) await this.#write(digest, String(size));
  }

  async markDamaged(digest: Digest): Promise<void> {
    await this.#write(digest, damaged);
  }

  async #write(digest: Digest, text: string): Promise<void> {
    await this.driver.putVolatile({ path: blobSizePath(digest), content: Buffer.from(text) });
  }
}
