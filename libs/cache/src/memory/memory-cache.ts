import { LRUCache } from 'lru-cache';

import type { Digest } from '#oci/digest.js';

import { type CacheCounts, ContentCache } from '../content-cache.js';
import { sizesLastFor } from '../times.js';

/** Bytes. Whoever parses manifests keeps those that are asked for often. */
const mostManifests = 16 * 1024 * 1024;
const mostSizes = 1_000_000;

/** What this process has seen itself. */
export class MemoryCache extends ContentCache {
  readonly #sizes: LRUCache<string, number>;
  readonly #manifests = new LRUCache<string, Buffer>({
    maxSize: mostManifests,
    sizeCalculation: (body) => body.length + 1024,
  });
  readonly #counts = { requests: 0, hits: 0, errors: 0 };

  /** @param sizes how many sizes are kept at most; 0 for as many as are sensible */
  constructor({
    sizes = 0,
    now = () => performance.now(),
  }: { sizes?: number; now?: () => number } = {}) {
    super();
    this.#sizes = new LRUCache({
      max: sizes === 0 ? mostSizes : Math.min(sizes, mostSizes),
      ttl: sizesLastFor,
      ttlResolution: 0,
      perf: { now },
    });
  }

  get counts(): CacheCounts {
    return this.#counts;
  }

  async sizeOf(digest: Digest): Promise<number | undefined> {
    return this.#counted(this.#sizes.get(digest.toString()));
  }

  async manifest(digest: Digest): Promise<Buffer | undefined> {
    return this.#counted(this.#manifests.get(digest.toString()));
  }

  rememberSize(digest: Digest, size: number): void {
    this.#sizes.set(digest.toString(), size);
  }

  rememberManifest(digest: Digest, body: Buffer): void {
    this.#manifests.set(digest.toString(), body);
  }

  forget(digest: Digest): void {
    this.#sizes.delete(digest.toString());
    this.#manifests.delete(digest.toString());
  }

  #counted<T>(value: T | undefined): T | undefined {
    this.#counts.requests++;
    if (value !== undefined) this.#counts.hits++;
    return value;
  }
}
