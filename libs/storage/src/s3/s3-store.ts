import type { Log } from '#telemetry/log.js';

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
import { defaultRetryLimits, Retries, type RetryLimits } from '../bucket/retries.js';
import type { AddressRequest, ByteRange } from '../storage-driver.js';
import { S3Addresses } from './s3-addresses.js';
import { S3Calls } from './s3-calls.js';
import { largestPiece, type S3Config, smallestPiece } from './s3-config.js';
import { S3Connection } from './s3-connection.js';
import { S3Drafts } from './s3-drafts.js';
import { S3Join } from './s3-join.js';
import { S3Lists } from './s3-lists.js';
import { S3Names } from './s3-names.js';
import { S3Probe } from './s3-probe.js';
import { S3Reads } from './s3-reads.js';
import { S3Writes } from './s3-writes.js';

const mostPieces = 10_000;

export interface S3StoreOptions {
  readonly retries?: RetryLimits | undefined;
  readonly log?: Log | undefined;
}

/** A bucket of Amazon S3, or of what speaks like it. */
export class S3Store extends ObjectStore {
  readonly name = 's3';
  readonly limits: StoreLimits;
  override readonly hasAddresses = true;
  readonly #names: S3Names;
  readonly #reads: S3Reads;
  readonly #lists: S3Lists;
  readonly #writes: S3Writes;
  readonly #drafts: S3Drafts;
  readonly #join: S3Join;
  readonly #addresses: S3Addresses;

  private constructor(
    private readonly connection: S3Connection,
    config: S3Config,
    private readonly options: S3StoreOptions,
  ) {
    super();
    const { retries = defaultRetryLimits } = options;
    const calls = new S3Calls(connection, (judge) => new Retries(judge, retries));
    this.limits = limitsOf(config);
    this.#names = new S3Names(config.rootdirectory);
    this.#reads = new S3Reads(calls, this.#names, retries.attemptTimeout);
    this.#lists = new S3Lists(calls, this.#names);
    this.#writes = new S3Writes(calls, this.#names, config);
    this.#drafts = new S3Drafts(this.#writes);
    this.#join = new S3Join(this.#writes, this.#drafts, this.#reads, config, this.limits);
    this.#addresses = new S3Addresses(calls, config);
  }

  /** Nothing is asked of the service before `probe`. */
  static async connect(config: S3Config, options: S3StoreOptions = {}): Promise<S3Store> {
    const settled = { ...config, uniformparts: config.uniformparts ?? isR2(config) };
    return new S3Store(await S3Connection.open(settled), settled, options);
  }

  async probe(): Promise<StoreAbilities> {
    const { endpoint, bucket } = this.connection;
    const { abilities, integrity } = await new S3Probe(
      this,
      this.#writes,
      `${endpoint}/${bucket}`,
    ).run();
    this.#writes.conditions = abilities.createsOnce || abilities.replacesVersion;
    this.#writes.sendsMd5 = integrity === 'md5';
    this.options.log?.info({ endpoint, bucket, integrity }, 'bucket probed');
    return abilities;
  }

  async get(key: string, options: { readonly limit: number }) {
    return this.#reads.get(key, options);
  }

  async head(key: string): Promise<StoredObject> {
    return this.#reads.head(key);
  }

  async read(key: string, range?: ByteRange, version?: string): Promise<ObjectStream> {
    return this.#reads.read(key, range, version);
  }

  async put(key: string, body: ObjectBody, condition: WriteCondition = 'always'): Promise<string> {
    return this.#writes.put(key, body, condition);
  }

  async remove(key: string, version?: string): Promise<void> {
    return this.#writes.remove(key, version);
  }

  async removeAll(keys: readonly string[]): Promise<void> {
    return this.#writes.removeAll(keys);
  }

  async list(prefix: string, request: ListRequest = {}): Promise<ObjectPage> {
    return this.#lists.page(prefix, request);
  }

  async begin(key: string, writer: string): Promise<ObjectDraft> {
    return this.#drafts.begin(key, writer);
  }

  async add(draft: ObjectDraft, number: number, body: ObjectBody): Promise<DraftPiece> {
    return this.#drafts.add(draft, number, body);
  }

  async complete(
    draft: ObjectDraft,
    pieces: readonly DraftPiece[],
    condition: 'always' | 'absent' = 'always',
  ): Promise<string> {
    return this.#drafts.complete(draft, pieces, condition);
  }

  async discard(draft: ObjectDraft): Promise<void> {
    return this.#drafts.discard(draft);
  }

  async join(sources: readonly Omit<StoredObject, 'modifiedAt'>[], key: string): Promise<void> {
    return this.#join.run(sources, key);
  }

  sweep(before: number, options: { readonly dryRun: boolean }): AsyncIterable<string> {
    return this.#drafts.sweep(before, options);
  }

  fullKeyOf(key: string): string {
    return this.#names.of(key);
  }

  override async addressOf(key: string, request: AddressRequest): Promise<string | undefined> {
    return this.#addresses.of(this.#names.of(key), request);
  }

  override async close(): Promise<void> {
    this.connection.close();
  }
}

function limitsOf({ chunksize, uniformparts }: S3Config): StoreLimits {
  return {
    pieceSize: chunksize,
    smallestPiece: uniformparts ? chunksize : smallestPiece,
    mostPieces,
    largestPiece: uniformparts ? chunksize : largestPiece,
    largestObject: mostPieces * (uniformparts ? chunksize : largestPiece),
    smallestJoined: smallestPiece,
    separateDrafts: true,
  };
}

/** Cloudflare’s service takes pieces of one size only. */
function isR2({ regionendpoint = '' }: S3Config): boolean {
  return regionendpoint.includes('.r2.cloudflarestorage.com');
}
