import type { Readable } from 'node:stream';

import { type AddressRequest, type ByteRange, StorageUnavailable } from '../storage-driver.js';

/*
 * What Amazon S3, Azure Blob Storage, Google Cloud Storage and OpenStack Swift have in common, as little of it as a registry
 * needs. Keys are relative to the root that the configuration names and have no slash in front: `docker/registry/v2/…`.
 *
 * Every method is reliable: it repeats what failed for a moment, within bounds (`Retries`), and knows when a repetition
 * finds its own earlier success. So each may throw StorageUnavailable, and StorageRefused.
 */

export interface StoredObject {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
  /** When it was written, by the store's clock, in milliseconds since 1970. */
  readonly modifiedAt: number;
  /** Differs whenever the content does: an ETag, a generation. */
  readonly version: string;
}

/** Bytes that can be sent again if an attempt fails. */
export interface ObjectBody {
  /** Bytes. */
  readonly size: number;
  /** From the start, at each call. */
  open(): Uint8Array | Readable;
  /** The same for who only hashes them: each chunk is valid until the next one is asked for. */
  look?(): AsyncIterable<Uint8Array>;
}

/** Bytes on their way out of the store. It is read to the end or destroyed. */
export interface ObjectStream {
  /** Of the whole object, whatever range was asked for. */
  readonly size: number;
  readonly stream: Readable;
}

export interface ObjectPage {
  readonly objects: readonly StoredObject[];
  /** With a delimiter: what the keys have in common up to the next `/`, which it ends with. */
  readonly prefixes: readonly string[];
  /** Undefined on the last page. */
  readonly next: string | undefined;
}

export interface ListRequest {
  /** Folds keys at the next `/` behind the prefix. */
  readonly folded?: boolean;
  /** Only keys, and folded prefixes, that come after this one in the order of their bytes. */
  readonly after?: string | undefined;
  /** From the page before; goes with the same other settings. */
  readonly next?: string | undefined;
  /** Most keys and prefixes; the store may give fewer. */
  readonly limit?: number;
}

/** When to write: always, only where there is nothing, or only over this version. */
export type WriteCondition = 'always' | 'absent' | { readonly version: string };

/** A large object that is being written piece by piece. Nobody sees it before it is completed. */
export interface ObjectDraft {
  readonly key: string;
  /** Names the writer; never used twice. */
  readonly writer: string;
  /** The store's own name of it. */
  readonly id: string;
}

export interface DraftPiece {
  /** From 1. */
  readonly number: number;
  readonly size: number;
  /** What the store answered: an ETag, a block id. */
  readonly token: string;
}

/** What a store of this kind, and this configuration, can hold and wants. */
export interface StoreLimits {
  /** Bytes of a piece of a draft, unless the draft would have more pieces than are allowed. */
  readonly pieceSize: number;
  /** Bytes that every piece but the last should have at least; `pieceSize` where all must have the same. */
  readonly smallestPiece: number;
  readonly mostPieces: number;
  /** Bytes of the largest piece. */
  readonly largestPiece: number;
  /** Bytes of the largest object. */
  readonly largestObject: number;
  /** Bytes that an object should have at least to be joined with what follows it without being read; 0 where any has. */
  readonly smallestJoined: number;
  /** Whether two drafts of one key leave each other alone until one of them is completed. */
  readonly separateDrafts: boolean;
}

/** What the store was seen to do, at the start, with objects made for it. */
export interface StoreAbilities {
  /** Of several who write where there is nothing exactly one does, by `put` and by `complete`. */
  readonly createsOnce: boolean;
  /** `put` over a version, and no other. */
  readonly replacesVersion: boolean;
  /** `remove` a version, and no other. */
  readonly removesVersion: boolean;
}

/** There is no such object. */
export class ObjectNotFound extends Error {
  override readonly name = 'ObjectNotFound';
  constructor(readonly key: string) {
    super(`object not found: ${key}`);
  }
}

/** The object is not what the condition asks for. Nothing was written or removed, unless `mayHaveHappened`. */
export class ConditionFailed extends Error {
  override readonly name = 'ConditionFailed';
  constructor(
    readonly key: string,
    /** An earlier attempt, whose answer never came, may have written or removed it; others came after that. */
    readonly mayHaveHappened = false,
  ) {
    super(`object ${key} is there, or is another version`);
  }
}

/** The store will not do it, however often it is asked: wrong credentials, region or endpoint, no such bucket, not allowed. */
export class StorageRefused extends StorageUnavailable {
  override readonly name = 'StorageRefused';
}

/** A bucket, a container: objects at keys. */
export abstract class ObjectStore {
  /** As the configuration and the metrics name it. */
  abstract readonly name: string;
  abstract readonly limits: StoreLimits;

  /** Finds out what the store can do; called once, before anything else. @throws {StorageRefused} */
  abstract probe(): Promise<StoreAbilities>;

  /**
   * A small object, whole.
   * @throws {ObjectNotFound} @throws {ContentTooLarge} without reading more than `limit` bytes
   */
  abstract get(
    key: string,
    options: { readonly limit: number },
  ): Promise<{ readonly content: Buffer; readonly version: string }>;

  /** @throws {ObjectNotFound} */
  abstract head(key: string): Promise<StoredObject>;

  /**
   * @param version only if it is this one
   * @throws {ObjectNotFound} @throws {ConditionFailed}
   */
  abstract read(key: string, range?: ByteRange, version?: string): Promise<ObjectStream>;

  /**
   * Writes an object in one piece. The store checks the bytes as they arrive where it can.
   * @returns its version
   * @throws {ConditionFailed}
   */
  abstract put(key: string, body: ObjectBody, condition?: WriteCondition): Promise<string>;

  /**
   * One that is not there is fine, unless a version is asked for.
   * @throws {ConditionFailed} if it is another version, or not there
   */
  abstract remove(key: string, version?: string): Promise<void>;

  /** In as few requests as the store allows. Those that are not there are fine. */
  abstract removeAll(keys: readonly string[]): Promise<void>;

  /** In the order of the keys' bytes. What was written before the call is listed. */
  abstract list(prefix: string, request?: ListRequest): Promise<ObjectPage>;

  /** Begins a large object. `writer` is kept with it, so that `complete` can tell its own success from another's. */
  abstract begin(key: string, writer: string): Promise<ObjectDraft>;

  /** Pieces may be added side by side and in any order; the same number again replaces it. */
  abstract add(draft: ObjectDraft, number: number, body: ObjectBody): Promise<DraftPiece>;

  /**
   * Makes the pieces, in the order of their numbers, the object.
   * @returns its version
   * @throws {ConditionFailed} with `absent`, if another wrote the key first
   * @throws {ObjectNotFound} if the draft was discarded
   */
  abstract complete(
    draft: ObjectDraft,
    pieces: readonly DraftPiece[],
    condition?: 'always' | 'absent',
  ): Promise<string>;

  /** One that is not there is fine. */
  abstract discard(draft: ObjectDraft): Promise<void>;

  /**
   * Writes the bytes of the sources one after the other, inside the store: no byte is read but those of sources below
   * `smallestJoined`, once. One source is a copy. The sources stay.
   * @throws {ObjectNotFound} @throws {ConditionFailed} if a source is gone, or of another version; then nothing was written
   */
  abstract join(sources: readonly Omit<StoredObject, 'modifiedAt'>[], key: string): Promise<void>;

  /**
   * Removes drafts that nobody completed since `before` (milliseconds since 1970), and what else dead writers leave beside
   * the keys. Yields a name for each.
   */
  abstract sweep(before: number, options: { readonly dryRun: boolean }): AsyncIterable<string>;

  /** As `StorageDriver.hasAddresses`. */
  readonly hasAddresses: boolean = false;

  /** The name that the store itself has for the object: with the configured root in front. */
  abstract fullKeyOf(key: string): string;

  /** As `StorageDriver.addressOf`. */
  async addressOf(_key: string, _request: AddressRequest): Promise<string | undefined> {
    return undefined;
  }

  /** Closes connections. Calls under way may fail. */
  async close(): Promise<void> {}
}
