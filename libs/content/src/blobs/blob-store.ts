import type { ContentCache } from '#cache/content-cache.js';
import type { Digest } from '#oci/digest.js';
import { BlobDamaged, BlobUnknown } from '#oci/errors.js';
import type { RepositoryName } from '#oci/repository-name.js';
import type { BlobAddresses } from '#storage/addresses/blob-addresses.js';
import {
  type AddressRequest,
  type ByteRange,
  type StorageDriver,
  type StoredContent,
  type StoredFile,
} from '#storage/storage-driver.js';
import type { Log } from '#telemetry/log.js';

import { isBucket } from '../is-bucket.js';
import { canConfirm, linkFile, readLink } from '../links.js';
import { blobDataPath, blobLinkPath } from '../paths.js';
import { BlobContents, type BlobState, largestKept } from './blob-contents.js';
import { SeenLinks } from './seen-links.js';

/** Blobs by digest, and which repository has which. */
export class BlobStore {
  /** Their bytes, whichever repositories have them. */
  readonly contents: BlobContents;
  /** Undefined where looking is no call to another machine. */
  readonly #seenLinks: SeenLinks | undefined;

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
    this.contents = new BlobContents(driver, cache, log);
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
    const whole = size <= largestKept ? await this.contents.readWhole(digest, size) : undefined;
    const read = (range?: ByteRange) => this.contents.read(digest, size, range);
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
    const size = (await this.contents.seen(digest)) ?? (await this.contents.check(digest));
    return typeof size === 'number';
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
    const size = await this.contents.wholeSize(digest);
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

  /**
   * Of a blob that the repository has; as it is, or as somebody saw it a short while ago. That the repository has it is read
   * from the storage, meanwhile the cache is asked for the rest.
   */
  async #stateIn(
    name: RepositoryName,
    digest: Digest,
    care: { readonly wary?: boolean } = {},
  ): Promise<BlobState> {
    const seen = this.contents.seen(digest);
    if (!(await this.isLinked(name, digest))) return 'missing';
    return (seen && (await seen)) ?? this.contents.check(digest, care);
  }
}
