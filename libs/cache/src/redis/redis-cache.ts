import { Digest } from '#oci/digest.js';
import type { RedisConnection } from '#redis/redis-connection.js';

import { type CacheCounts, ContentCache } from '../content-cache.js';
import { manifestsLastFor, sizesLastFor } from '../times.js';
import { longestSignedSize, SizeSignatures } from './signed-size.js';

/** Larger ones are quicker read from the storage than kept by everybody's Redis (bytes). */
const largestManifest = 256 * 1024;
/** Bodies that may be on their way to Redis at once (bytes); more are not written. */
const mostUnderWay = 8 * 1024 * 1024;

/**
 * What all replicas have seen, in a Redis that may vanish. Every key expires, so that it may share a server with what must
 * not be evicted. A value is believed when it proves itself: a body by its digest, a size by a signature.
 *
 * Each question is one command, and all of one tick travel together. Values are read up to the length that they may have:
 * a huge one costs no more than a large one.
 */
export class RedisCache extends ContentCache {
  readonly #signatures: SizeSignatures;
  readonly #counts = { requests: 0, hits: 0, errors: 0 };
  #underWay = 0;

  /** @param secrets as all replicas know them; the first signs, all verify */
  constructor(
    private readonly redis: RedisConnection,
    secrets: () => readonly string[],
  ) {
    super();
    this.#signatures = new SizeSignatures(secrets);
  }

  get counts(): CacheCounts {
    return this.#counts;
  }

  async sizeOf(digest: Digest): Promise<number | undefined> {
    const key = sizeKey(digest);
    const value = await this.#read('Stat', key, longestSignedSize);
    return value && this.#believed(this.#signatures.verify(key, value));
  }

  async manifest(digest: Digest): Promise<Buffer | undefined> {
    const body = await this.#read('GetManifest', manifestKey(digest), largestManifest);
    if (body === undefined) return undefined;
    const isWhole =
      body.length <= largestManifest && Digest.of(body, digest.algorithm).equals(digest);
    // A copy: what was read is part of a larger piece of memory, which would be kept with it.
    return this.#believed(isWhole ? Buffer.from(body) : undefined);
  }

  rememberSize(digest: Digest, size: number): void {
    const key = sizeKey(digest);
    const value = this.#signatures.sign(key, size);
    void this.redis.call('SetDescriptor', (redis) =>
      redis.set(key, value, 'EX', sizesLastFor / 1000),
    );
  }

  rememberManifest(digest: Digest, body: Buffer): void {
    const { length } = body;
    if (length > largestManifest || this.#underWay + length > mostUnderWay) return;
    this.#underWay += length;
    const written = this.redis.call('SetManifest', (redis) =>
      redis.set(manifestKey(digest), body, 'EX', manifestsLastFor / 1000),
    );
    void written.finally(() => (this.#underWay -= length));
  }

  forget(digest: Digest): void {
    void this.redis.call('Forget', (redis) =>
      Promise.all([redis.del(sizeKey(digest)), redis.del(manifestKey(digest))]),
    );
  }

  /** One byte more than is allowed, so that what is too long can be told. Nothing at all where there is no such key. */
  async #read(operation: string, key: string, longest: number): Promise<Buffer | undefined> {
    this.#counts.requests++;
    const value = await this.redis.call(operation, (redis) =>
      redis.getrangeBuffer(key, 0, longest),
    );
    return value === undefined || value.length === 0 ? undefined : value;
  }

  #believed<T>(value: T | undefined): T | undefined {
    if (value === undefined) this.#counts.errors++;
    else this.#counts.hits++;
    return value;
  }
}

function sizeKey(digest: Digest): string {
  return `holdfast:cache:1:size:${digest.toString()}`;
}

function manifestKey(digest: Digest): string {
  return `holdfast:cache:1:manifest:${digest.toString()}`;
}
