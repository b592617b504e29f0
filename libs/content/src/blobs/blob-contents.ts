import { createHash } from 'node:crypto';

import { LRUCache } from 'lru-cache';

import type { ContentCache } from '#cache/content-cache.js';
import { Digest } from '#oci/digest.js';
import { BlobDamaged, BlobUnknown } from '#oci/errors.js';
import {
  type ByteRange,
  PathNotFound,
  type StorageDriver,
  type StoredContent,
  type StoredStat,
} from '#storage/storage-driver.js';
import type { Log } from '#telemetry/log.js';

import { isBucket } from '../is-bucket.js';
import { blobDataPath } from '../paths.js';
import { BlobSizes } from './blob-sizes.js';
import { type Damage, DamageLog } from './damage-log.js';

/** Blobs up to this size in bytes (image configurations, signatures) are kept in memory once they were read and verified. */
export const largestKept = 64 * 1024;
const mostKept = 32 * 1024 * 1024;

/** What is known of a blob's bytes: how many, or what is wrong with them. */
export type BlobState = number | 'missing' | 'damaged';

/** The bytes of blobs, whichever repositories have them, and whether they are whole. */
export class BlobContents {
  readonly #sizes: BlobSizes;
  readonly #damages: DamageLog;
  readonly #small = new LRUCache<string, Buffer>({
    maxSize: mostKept,
    sizeCalculation: (content) => content.length + 256,
  });

  /**
   * @param cache sizes that somebody has seen before; none if undefined
   * @param log is told which blobs are damaged
   */
  constructor(
    private readonly driver: StorageDriver,
    private readonly cache?: ContentCache,
    log?: Pick<Log, 'error'>,
  ) {
    this.#damages = new DamageLog(log);
    this.#sizes = new BlobSizes(driver);
  }

  /** As somebody saw it a short while ago; undefined where nobody did, or what others saw does not count. */
  seen(digest: Digest): Promise<number | undefined> | undefined {
    // It does not say more of a blob that was damaged when it was read here.
    const isDoubted = isBucket(this.driver) && this.#sizes.expects(digest);
    return isDoubted ? undefined : this.cache?.sizeOf(digest);
  }

  /**
   * As it is now.
   * @param wary whether to look what others have found, also where that is a call: a client that is told of the blob will
   * not push it
   */
  async check(digest: Digest, { wary = false } = {}): Promise<BlobState> {
    const asks = wary || this.#sizes.expects(digest);
    const [found, judge] = await Promise.all([
      this.#find(digest),
      asks ? this.#sizes.read(digest) : undefined,
    ]);
    if (found === undefined) return 'missing';
    const judgement = judge?.(found);
    if (judgement === 'marked as damaged' || judgement === 'of another size') {
      this.#damages.name(digest, judgement === 'of another size' ? 'size' : 'mark');
      return 'damaged';
    }
    this.cache?.rememberSize(digest, found.size);
    return found.size;
  }

  /** Size of the stored bytes as they are now; undefined when they are missing or known to be damaged. */
  async wholeSize(digest: Digest): Promise<number | undefined> {
    const state = await this.check(digest, { wary: true });
    return typeof state === 'number' ? state : undefined;
  }

  /**
   * The bytes of a blob whose size was told to the client, or is about to be.
   * @throws {BlobUnknown} @throws {BlobDamaged} if it has another size
   */
  async read(digest: Digest, size: number, range?: ByteRange): Promise<StoredContent> {
    const content = await this.#present(digest, () =>
      this.driver.read(blobDataPath(digest), range),
    );
    if (content.size === size) return content;
    this.cache?.forget(digest);
    await content.close();
    this.#damages.name(digest, 'size');
    throw new BlobDamaged(digest);
  }

  /**
   * All bytes of one that has no more than {@link largestKept}, verified.
   * @throws {BlobUnknown} @throws {BlobDamaged}
   */
  async readWhole(digest: Digest, size: number): Promise<Buffer> {
    const kept = this.#small.get(digest.toString());
    if (kept?.length === size) return kept;
    const content = await this.#present(digest, () =>
      this.driver.get(blobDataPath(digest), { limit: largestKept }),
    );
    if (!Digest.of(content, digest.algorithm).equals(digest)) {
      await this.markIfDamaged(digest);
      throw new BlobDamaged(digest);
    }
    this.#small.set(digest.toString(), content);
    return content;
  }

  /** Writes down that a blob was verified and has this size; a damaged one is healed by it. */
  async noteVerified(digest: Digest, size: number): Promise<void> {
    this.#small.delete(digest.toString());
    this.#damages.forget(digest);
    await this.#sizes.set(digest, size);
    this.cache?.rememberSize(digest, size);
  }

  /**
   * Writes down the size of a blob that was there before this registry was, when a manifest tells it. If the manifest and
   * the disk disagree the bytes are hashed: a manifest may be wrong too.
   */
  async learnSize(digest: Digest, claimed: number): Promise<void> {
    if (!this.driver.alterable) return;
    const judge = await this.#sizes.read(digest);
    const found = await this.#find(digest);
    if (found === undefined || judge(found) !== 'unknown') return;
    if (found.size !== claimed && (await this.#isWrong(digest))) {
      await this.markDamaged(digest, found);
      return;
    }
    await this.#sizes.set(digest, found.size);
    // A push that has put another in its place wrote that one's size, perhaps before.
    const now = await this.#find(digest);
    if (now?.version !== found.version) await this.#sizes.forget(digest);
  }

  /**
   * For who has read bytes that do not have the digest: they are read again, as a push may have replaced them meanwhile. What
   * is marked is the file that was there before that.
   */
  async markIfDamaged(digest: Digest, damage: Damage = 'digest'): Promise<void> {
    const found = await this.#find(digest);
    if (found === undefined) this.#forget(digest);
    else if (await this.#isWrong(digest)) await this.markDamaged(digest, found, damage);
  }

  /** @param found the file that is damaged; one that takes its place is not */
  async markDamaged(digest: Digest, found: StoredStat, damage: Damage = 'digest'): Promise<void> {
    this.#damages.name(digest, damage);
    this.#forget(digest);
    await this.#sizes.markDamaged(digest, found);
  }

  /** Reading a blob failed after its size was told: if it has a wrong one now, it is damaged. */
  async noteFailedRead(digest: Digest, told: number): Promise<void> {
    this.#forget(digest);
    const [found, judge] = await Promise.all([this.#find(digest), this.#sizes.read(digest)]);
    if (found === undefined || found.size === told) return;
    const judgement = judge(found);
    if (judgement === 'of another size') this.#damages.name(digest, 'size');
    if (judgement === 'unknown') await this.markIfDamaged(digest, 'size');
  }

  #forget(digest: Digest): void {
    this.#small.delete(digest.toString());
    this.cache?.forget(digest);
  }

  async #find(digest: Digest): Promise<StoredStat | undefined> {
    try {
      return await this.driver.stat(blobDataPath(digest));
    } catch (error) {
      if (error instanceof PathNotFound) return undefined;
      throw error;
    }
  }

  /** What was seen a short while ago may be gone. */
  async #present<T>(digest: Digest, read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof PathNotFound)) throw error;
      this.cache?.forget(digest);
      throw new BlobUnknown(digest);
    }
  }

  /** Whether bytes are there that do not have the digest. */
  async #isWrong(digest: Digest): Promise<boolean> {
    const hash = createHash(digest.algorithm);
    try {
      for await (const chunk of await this.driver.read(blobDataPath(digest))) hash.update(chunk);
    } catch (error) {
      if (error instanceof PathNotFound) return false;
      throw error;
    }
    return !Digest.from(hash, digest.algorithm).equals(digest);
  }
}
