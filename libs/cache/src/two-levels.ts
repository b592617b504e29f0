import type { Digest } from '#oci/digest.js';

import { type CacheCounts, ContentCache } from './content-cache.js';

/** What this process has seen, then what all have. */
export class TwoLevels extends ContentCache {
  constructor(
    private readonly near: ContentCache,
    private readonly far: ContentCache,
  ) {
    super();
  }

  get counts(): CacheCounts {
    const { near, far } = this;
    return {
      requests: near.counts.requests,
      hits: near.counts.hits + far.counts.hits,
      errors: near.counts.errors + far.counts.errors,
    };
  }

  async sizeOf(digest: Digest): Promise<number | undefined> {
    const known = await this.near.sizeOf(digest);
    if (known !== undefined) return known;
    const size = await this.far.sizeOf(digest);
    if (size !== undefined) this.near.rememberSize(digest, size);
    return size;
  }

  async manifest(digest: Digest): Promise<Buffer | undefined> {
    const known = await this.near.manifest(digest);
    if (known !== undefined) return known;
    const body = await this.far.manifest(digest);
    if (body !== undefined) this.near.rememberManifest(digest, body);
    return body;
  }

  rememberSize(digest: Digest, size: number): void {
    this.near.rememberSize(digest, size);
    this.far.rememberSize(digest, size);
  }

  rememberManifest(digest: Digest, body: Buffer): void {
    this.near.rememberManifest(digest, body);
    this.far.rememberManifest(digest, body);
  }

  forget(digest: Digest): void {
    this.near.forget(digest);
    this.far.forget(digest);
  }
}
