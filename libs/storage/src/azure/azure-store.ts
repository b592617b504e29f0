import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

import type { BlobRequestConditions } from '@azure/storage-blob';

import { BrokenOff } from '../bucket/broken-off.js';
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
import { probeAbilities } from '../bucket/probe-abilities.js';
import { type Attempt, defaultRetryLimits, Retries, type RetryLimits } from '../bucket/retries.js';
import { SteadyStream } from '../bucket/steady-stream.js';
import { type AddressRequest, type ByteRange, ContentTooLarge } from '../storage-driver.js';
import { openAccount } from './azure-account.js';
import { AzureAddresses } from './azure-addresses.js';
import { AzureCalls } from './azure-calls.js';
import type { AzureConfig } from './azure-config.js';
import { AzureDrafts, limits } from './azure-drafts.js';
import { judgeAzure } from './azure-errors.js';
import { AzureJoin } from './azure-join.js';
import { AzureLists } from './azure-lists.js';
import { AzureNames } from './azure-names.js';
import { AzureWrites, readBody, versionIn } from './azure-writes.js';

/** A container of Azure Blob Storage. It holds block blobs, and reads the append blobs that Distribution leaves. */
export class AzureStore extends ObjectStore {
  readonly name = 'azure';
  readonly limits: StoreLimits = limits;
  override readonly hasAddresses: boolean;
  readonly #lists: AzureLists;
  readonly #writes: AzureWrites;
  readonly #drafts: AzureDrafts;
  readonly #join: AzureJoin;
  readonly #addresses: AzureAddresses;

  private constructor(
    private readonly calls: AzureCalls,
    private readonly names: AzureNames,
  ) {
    super();
    this.hasAddresses = calls.account.identity.kind !== 'signature';
    this.#addresses = new AzureAddresses(calls.account);
    this.#lists = new AzureLists(calls, names);
    this.#writes = new AzureWrites(calls, names);
    this.#drafts = new AzureDrafts(calls, names, this.#writes);
    this.#join = new AzureJoin(this.#writes, names, this.#addresses);
  }

  /** Nothing is asked of the service before `probe`. */
  static async connect(
    config: AzureConfig,
    limitsOfCalls: Partial<RetryLimits> = {},
  ): Promise<AzureStore> {
    const account = await openAccount(config);
    const retries = new Retries(judgeAzure, {
      ...defaultRetryLimits,
      // Distribution, too, takes 0 for a key that is not set.
      ...(config.max_retries !== 0 && { attempts: Math.max(0, config.max_retries) + 1 }),
      firstPause: config.retry_delay,
      ...limitsOfCalls,
    });
    return new AzureStore(new AzureCalls(account, retries), new AzureNames(config));
  }

  async probe(): Promise<StoreAbilities> {
    // The first that is asked of the service.
    await this.calls.reach('storage.azure.accountname, realm and serviceurl', () =>
      this.#lists.holds(this.names.of('holdfast/')),
    );
    await this.names.settle((prefix) => this.#lists.holds(prefix));
    const [abilities] = await Promise.all([probeAbilities(this), this.#lists.probe(this.#writes)]);
    return abilities;
  }

  async get(key: string, { limit }: { readonly limit: number }) {
    return this.calls.run('Get Blob', key, async (attempt) => {
      const { body, size, version, md5 } = await this.#download(key, attempt);
      if (size > limit) {
        body.destroy();
        throw new ContentTooLarge(key, size, limit);
      }
      const content = await readBody(body, size, attempt);
      if (md5 !== undefined && !createHash('md5').update(content).digest().equals(md5)) {
        throw new BrokenOff('an answer with other bytes than the storage meant to send');
      }
      return { content, version };
    });
  }

  async head(key: string): Promise<StoredObject> {
    return this.calls.run('Get Blob Properties', key, async ({ signal }) => {
      const properties = await this.#client(key).getProperties({ abortSignal: signal });
      return {
        key,
        size: properties.contentLength ?? 0,
        modifiedAt: properties.lastModified?.getTime() ?? 0,
        version: versionIn(properties),
      };
    });
  }

  async read(key: string, range?: ByteRange, version?: string): Promise<ObjectStream> {
    const open = (wanted: ByteRange | undefined, only: string | undefined) =>
      this.calls.run('Get Blob', key, (attempt) => this.#download(key, attempt, wanted, only));
    const first = await open(range, version);
    const start = range?.start ?? 0;
    const end = Math.min(range?.end ?? Infinity, first.size - 1);
    const stream = new SteadyStream(first.body, {
      start,
      length: Math.max(0, end - start + 1),
      reopen: async (offset) => (await open({ start: offset, end }, first.version)).body,
    });
    return { size: first.size, stream };
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

  /** The blocks of one blob cannot be removed without writing the blob: the service, or `sweep`, removes them by age. */
  async discard(): Promise<void> {}

  async join(sources: readonly Omit<StoredObject, 'modifiedAt'>[], key: string): Promise<void> {
    return this.#join.run(sources, key);
  }

  sweep(before: number, options: { readonly dryRun: boolean }): AsyncIterable<string> {
    return this.#drafts.sweep(before, options);
  }

  fullKeyOf(key: string): string {
    return this.names.of(key);
  }

  override async addressOf(
    key: string,
    { lifetime = usualLifetime }: AddressRequest,
  ): Promise<string | undefined> {
    return this.calls.run('Get User Delegation Key', key, () =>
      this.#addresses.readAddress(this.names.of(key), lifetime),
    );
  }

  override async close(): Promise<void> {
    this.calls.account.close();
  }

  #client(key: string) {
    return this.calls.account.container.getBlockBlobClient(this.names.of(key));
  }

  async #download(key: string, { signal }: Attempt, range?: ByteRange, version?: string) {
    const conditions: BlobRequestConditions = version === undefined ? {} : { ifMatch: version };
    const response = await this.#client(key).download(
      range?.start ?? 0,
      range && range.end - range.start + 1,
      { abortSignal: signal, conditions, maxRetryRequests: 0 },
    );
    const { readableStreamBody: body, contentRange, contentLength } = response;
    if (!(body instanceof Readable)) throw new BrokenOff('an answer without a body');
    const total = contentRange === undefined ? contentLength : Number(contentRange.split('/')[1]);
    if (total === undefined || !Number.isSafeInteger(total)) {
      body.destroy();
      throw new BrokenOff('an answer without a length');
    }
    return { body, size: total, version: versionIn(response), md5: response.contentMD5 };
  }
}

const usualLifetime = 20 * 60_000;
