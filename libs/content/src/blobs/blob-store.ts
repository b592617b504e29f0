import { createHash } from 'node:crypto';

import { LRUCache } from 'lru-cache';

import type { ContentCache } from '#cache/content-cache.js';
import { Digest } from '#oci/digest.js';
import { BlobDamaged, BlobUnknown } from '#oci/errors.js';
import type { RepositoryName } from '#oci/repository-name.js';
import type { BlobAddresses } from '#storage/addresses/blob-addresses.js';
import {
  type AddressRequest,
  type ByteRange,
  PathNotFound,
  type StorageDriver,
  type StoredContent,
  type StoredFile,
  type StoredStat,
} from '#storage/storage-driver.js';
import type { Log } from '#telemetry/log.js';

import { isBucket } from '../is-bucket.js';
import { canConfirm, linkFile, readLink } from '../links.js';
import { blobDataPath, blobLinkPath } from '../paths.js';
import { BlobSizes } from './blob-sizes.js';
import { type Damage, DamageLog } from './damage-log.js';
import { SeenLinks } from './seen-links.js';

/** Blobs up to this size (image configurations, signatures) are kept in memory once they were read and verified. */
const largestKept = 64 * 1024;
const mostKept = 32 * 1024 * 1024;

/** Blobs by digest, and which repository has which. */
export class BlobStore {
  readonly #sizes: BlobSizes;
  /** Undefined where looking is no call to another machine. */
  readonly #seenLinks: SeenLinks | undefined;
  readonly #damages: DamageLog;
  readonly #small = new LRUCache<string, Buffer>({
    maxSize: mostKept,
    sizeCalculation: (content) => content.length + 256,
  });

  /**
   * @param addresses where clients may fetch blobs themselves; nowhere if undefined
   * @param cache what is known of blobs without asking the storage; nothing if undefined
   * @param log is told which blobs are damaged
   */
  constructor(
    private readonly driver: StorageDriver,
    private readonly addresses?: BlobAddresses,
    private readonly cache?: ContentCache,
    log?: Pick<Log, 'error'>,
  ) {
    this.#damages = new DamageLog(log);
    this.#sizes = new BlobSizes(driver);
    this.#seenLinks = driver.remote ? new SeenLinks() : undefined;
  }

  /**
   * @returns the size in bytes
   * @throws {BlobUnknown} also when the stored bytes are known to be damaged, so that clients push them again
   */
  async stat(name: RepositoryName, digest: Digest): Promise<number> {
    const state = await this.#stateIn(name, digest, { wary: true });
    if (typeof state !== 'number') throw new BlobUnknown(digest);
    return state;
  }

  /** Whether {@link addressOf} gives any. */
  get hasAddresses(): boolean {
    return this.addresses?.any ?? false;
  }

  /**
   * Where the client may fetch a blob of this repository itself; undefined where the registry sends it. That the bytes are
   * there is left to be seen by the client: looking would cost as much as sending a small one.
   * @throws {BlobUnknown}
   */
  async addressOf(
    name: RepositoryName,
    digest: Digest,
    client: AddressRequest,
  ): Promise<string | undefined> {
    if (!this.addresses?.any) return undefined;
    const size = this.addresses.asksForSize ? await this.cache?.sizeOf(digest) : undefined;
    const address = await this.addresses.of(blobDataPath(digest), client, size);
    // Where there is no address the link is read by who opens the blob.
    if (address !== undefined && !(await this.isLinked(name, digest))) {
      throw new BlobUnknown(digest);
    }
    return address;
  }

  /**
   * A small blob comes whole, a larger one as a stream.
   * @throws {BlobUnknown}
   * @throws {BlobDamaged} before any byte is sent: never a short answer
   */
  async open(
    name: RepositoryName,
    digest: Digest,
  ): Promise<{
    readonly size: number;
    readonly whole: Buffer | undefined;
    readonly read: (range?: ByteRange) => Promise<StoredContent>;
  }> {
    const size = await this.#stateIn(name, digest);
    if (size === 'missing') throw new BlobUnknown(digest);
    if (size === 'damaged') throw new BlobDamaged(digest);
    const whole = size <= largestKept ? await this.#readWhole(digest, size) : undefined;
    const read = (range?: ByteRange) => this.#read(digest, size, range);
    return { size: whole?.length ?? size, whole, read };
  }

  async isLinked(name: RepositoryName, digest: Digest): Promise<boolean> {
    if (this.#seenLinks === undefined) return this.#readLink(name, digest);
    return this.#seenLinks.note(name, digest, () => this.#readLink(name, digest));
  }

  async #readLink(name: RepositoryName, digest: Digest): Promise<boolean> {
    const target = await readLink(this.driver, blobLinkPath(name, digest));
    return target !== undefined && target.equals(digest);
  }

  /** Whether this repository has the blob, undamaged. */
  async has(name: RepositoryName, digest: Digest): Promise<boolean> {
    return typeof (await this.#stateIn(name, digest)) === 'number';
  }

  /** The same, or whether it had it a moment ago, which is as good for whoever is about to refer to the blob. */
  async hadJustNow(name: RepositoryName, digest: Digest): Promise<boolean> {
    if (!this.#seenLinks?.has(name, digest)) return this.has(name, digest);
    const size = (await this.cache?.sizeOf(digest)) ?? (await this.#check(digest));
    return typeof size === 'number';
  }

  /** Size of the stored bytes as they are now, whichever repositories have them; undefined when they are missing or known to be damaged. */
  async wholeSize(digest: Digest): Promise<number | undefined> {
    const state = await this.#check(digest, { wary: true });
    return typeof state === 'number' ? state : undefined;
  }

  /**
   * Gives a repository a blob that another has, or that any has where `from` is undefined. Who asks must be allowed to pull
   * it there.
   * @throws {BlobUnknown}
   */
  async mount(
    name: RepositoryName,
    digest: Digest,
    from: RepositoryName | undefined,
  ): Promise<number> {
    if (from !== undefined && !(await this.isLinked(from, digest))) throw new BlobUnknown(digest);
    const size = await this.wholeSize(digest);
    if (size === undefined) throw new BlobUnknown(digest);
    if (!isBucket(this.driver)) await this.driver.confirm([blobDataPath(digest)]);
    await this.whileLinking(name, digest, () =>
      this.driver.put([linkFile(blobLinkPath(name, digest), digest)]),
    );
    return size;
  }

  /** Makes what says that the repository has the blob survive a crash, whoever wrote it; false if it is gone. */
  async confirm(name: RepositoryName, digest: Digest): Promise<boolean> {
    const paths = [blobLinkPath(name, digest), blobDataPath(digest)];
    return isBucket(this.driver) || canConfirm(this.driver, paths);
  }

  /** Takes the blob from this repository; others keep it. @throws {BlobUnknown} */
  async delete(name: RepositoryName, digest: Digest): Promise<void> {
    if (!(await this.#readLink(name, digest))) throw new BlobUnknown(digest);
    const link = blobLinkPath(name, digest);
    await this.driver.remove(link);
    await this.driver.removeFolder(link.slice(0, link.lastIndexOf('/')));
    await this.#seenLinks?.outlast();
  }

  /** Where a verified upload goes, and the files that make it this repository's. */
  placeOf(name: RepositoryName, digest: Digest): { path: string; files: StoredFile[] } {
    return {
      path: blobDataPath(digest),
      files: [linkFile(blobLinkPath(name, digest), digest)],
    };
  }

  /** Remembers for a moment that `write` made the blob this repository's. */
  async whileLinking(
    name: RepositoryName,
    digest: Digest,
    write: () => Promise<void>,
  ): Promise<void> {
    if (this.#seenLinks === undefined) return write();
    await this.#seenLinks.note(name, digest, async () => {
      await write();
      return true;
    });
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

  /**
   * Of a blob that the repository has; as it is, or as somebody saw it a short while ago. That the repository has it is read
   * from the storage, meanwhile the cache is asked for the rest.
   */
  async #stateIn(
    name: RepositoryName,
    digest: Digest,
    care: { readonly wary?: boolean } = {},
  ): Promise<number | 'missing' | 'damaged'> {
    // What others have seen does not say more of a blob that was damaged when it was read here.
    const isDoubted = isBucket(this.driver) && this.#sizes.expects(digest);
    const seen = isDoubted ? undefined : this.cache?.sizeOf(digest);
    if (!(await this.isLinked(name, digest))) return 'missing';
    return (seen && (await seen)) ?? this.#check(digest, care);
  }

  /**
   * Bytes; or what is wrong.
   * @param wary whether to look what others have found, also where that is a call: a client that is told of the blob will
   * not push it
   */
  async #check(digest: Digest, { wary = false } = {}): Promise<number | 'missing' | 'damaged'> {
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

  async #find(digest: Digest): Promise<StoredStat | undefined> {
    try {
      return await this.driver.stat(blobDataPath(digest));
    } catch (error) {
      if (error instanceof PathNotFound) return undefined;
      throw error;
    }
  }

  /** The size was told to the client, or is about to be. */
  async #read(digest: Digest, size: number, range?: ByteRange): Promise<StoredContent> {
    const content = await this.#present(digest, () =>
      this.driver.read(blobDataPath(digest), range),
    );
    if (content.size === size) return content;
    this.cache?.forget(digest);
    await content.close();
    this.#damages.name(digest, 'size');
    throw new BlobDamaged(digest);
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

  async #readWhole(digest: Digest, size: number): Promise<Buffer> {
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
