import {
  type DraftPiece,
  type ListRequest,
  type ObjectBody,
  type ObjectDraft,
  type ObjectPage,
  ObjectStore,
  type ObjectStream,
  type StoreAbilities,
  type StoredObject,
  type StoreLimits,
  type WriteCondition,
} from '../bucket/object-store.js';
import { defaultRetryLimits, type RetryLimits } from '../bucket/retries.js';
import type { AddressRequest, ByteRange } from '../storage-driver.js';
import { SwiftClient } from './swift-client.js';
import type { SwiftConfig } from './swift-config.js';
import { SwiftDrafts } from './swift-drafts.js';
import { parseInfo, silentInfo, type SwiftInfo } from './swift-info.js';
import { SwiftJoin } from './swift-join.js';
import { SwiftLists } from './swift-lists.js';
import { SwiftManifests } from './swift-manifests.js';
import { SwiftNames } from './swift-names.js';
import { SwiftObjects } from './swift-objects.js';
import { SwiftRemovals } from './swift-removals.js';
import { SwiftSweep } from './swift-sweep.js';
import { TempUrls } from './temp-url.js';

/** Bytes; smaller ones are not worth a request. */
const smallPiece = 4 * 1024 * 1024;

/** OpenStack Swift. Large objects are static ones; those that Distribution left, which are lists of segments, are read. */
export class SwiftStore extends ObjectStore {
  readonly name = 'swift';
  override hasAddresses = false;
  readonly #client: SwiftClient;
  readonly #names: SwiftNames;
  readonly #objects: SwiftObjects;
  readonly #lists: SwiftLists;
  readonly #removals: SwiftRemovals;
  readonly #drafts: SwiftDrafts;
  readonly #join: SwiftJoin;
  readonly #sweep: SwiftSweep;
  #info: SwiftInfo = silentInfo;
  #addresses: TempUrls | undefined;

  constructor(
    private readonly config: SwiftConfig,
    limits: Partial<RetryLimits> = {},
  ) {
    super();
    const client = (this.#client = new SwiftClient(config, { ...defaultRetryLimits, ...limits }));
    const names = (this.#names = new SwiftNames(config.container, config.prefix));
    const info = () => this.#info;
    const objects = (this.#objects = new SwiftObjects(client, names));
    const lists = (this.#lists = new SwiftLists(client, names, objects, () => info().listingLimit));
    const removals = new SwiftRemovals(client, names, objects, () => info().bulkDeletes);
    this.#removals = removals;
    const manifests = new SwiftManifests(client, names, objects, () => info().mostSegments);
    this.#drafts = new SwiftDrafts(names, objects, manifests, lists, removals);
    this.#join = new SwiftJoin(names, objects, manifests, lists, removals, info);
    this.#sweep = new SwiftSweep(names, objects, manifests, lists, removals);
  }

  get limits(): StoreLimits {
    const { largestObject, mostSegments, smallestSegment } = this.#info;
    const pieceSize = Math.min(this.config.chunksize, largestObject);
    return {
      pieceSize,
      smallestPiece: Math.min(pieceSize, Math.max(smallestSegment, smallPiece)),
      mostPieces: mostSegments,
      largestPiece: largestObject,
      largestObject: largestObject * mostSegments,
      smallestJoined: smallestSegment,
      separateDrafts: true,
    };
  }

  /**
   * What Swift has no condition for is not tried: it takes If-Match on a write and ignores it, and If-None-Match is looked at
   * before the bytes come, so that several writers pass it.
   */
  async probe(): Promise<StoreAbilities> {
    this.#info = parseInfo(await this.#client.about('/info'));
    await this.#makeContainer();
    this.#addresses = await TempUrls.connect(this.#client, this.config, this.#info, this.#names);
    this.hasAddresses = this.#addresses !== undefined;
    return { createsOnce: false, replacesVersion: false, removesVersion: false };
  }

  get(key: string, { limit }: { readonly limit: number }) {
    return this.#objects.get(key, limit);
  }

  head(key: string): Promise<StoredObject> {
    return this.#objects.head(key);
  }

  read(key: string, range?: ByteRange, version?: string): Promise<ObjectStream> {
    return this.#objects.read(key, range, version);
  }

  put(key: string, body: ObjectBody, condition?: WriteCondition): Promise<string> {
    return this.#objects.put(key, body, condition);
  }

  remove(key: string, version?: string): Promise<void> {
    return this.#removals.remove(key, version);
  }

  removeAll(keys: readonly string[]): Promise<void> {
    return this.#removals.removeNames(keys.map((key) => this.#names.ofKey(key)));
  }

  list(prefix: string, request?: ListRequest): Promise<ObjectPage> {
    return this.#lists.list(prefix, request);
  }

  async begin(key: string, writer: string): Promise<ObjectDraft> {
    return this.#drafts.begin(key, writer);
  }

  add(draft: ObjectDraft, number: number, body: ObjectBody): Promise<DraftPiece> {
    return this.#drafts.add(draft, number, body);
  }

  complete(
    draft: ObjectDraft,
    pieces: readonly DraftPiece[],
    condition: 'always' | 'absent' = 'always',
  ): Promise<string> {
    return this.#drafts.complete(draft, pieces, condition);
  }

  discard(draft: ObjectDraft): Promise<void> {
    return this.#drafts.discard(draft);
  }

  join(sources: readonly Omit<StoredObject, 'modifiedAt'>[], key: string): Promise<void> {
    return this.#join.join(sources, key);
  }

  sweep(before: number, options: { readonly dryRun: boolean }): AsyncIterable<string> {
    return this.#sweep.sweep(before, options);
  }

  fullKeyOf(key: string): string {
    return this.#names.ofKey(key);
  }

  override async addressOf(key: string, { lifetime }: AddressRequest): Promise<string | undefined> {
    return this.#addresses?.addressOf(this.#names.path(this.#names.ofKey(key)), lifetime);
  }

  override close(): Promise<void> {
    return this.#client.close();
  }

  /** As Distribution does where it finds none. */
  async #makeContainer(): Promise<void> {
    const path = this.#names.path();
    await this.#client.run('find container', async (attempt) => {
      const found = await attempt.text({ method: 'HEAD', path, expected: [404] });
      if (found.status === 404) await attempt.text({ method: 'PUT', path });
    });
  }
}
