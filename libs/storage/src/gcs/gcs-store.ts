import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

import { BrokenOff } from '../bucket/broken-off.js';
import {
  ConditionFailed,
  type DraftPiece,
  type ListRequest,
  type ObjectBody,
  type ObjectDraft,
  ObjectNotFound,
  type ObjectPage,
  ObjectStore,
  type ObjectStream,
  type StoreAbilities,
  type StoredObject,
  StorageRefused,
  type StoreLimits,
  type WriteCondition,
} from '../bucket/object-store.js';
import { probeAbilities } from '../bucket/probe-abilities.js';
import { type Attempt, defaultRetryLimits, Retries, type RetryLimits } from '../bucket/retries.js';
import { SteadyStream } from '../bucket/steady-stream.js';
import { Turnstile } from '../bucket/turnstile.js';
import {
  type AddressRequest,
  type ByteRange,
  ContentTooLarge,
  StorageUnavailable,
} from '../storage-driver.js';
import { openGcs } from './gcs-account.js';
import { GcsAddresses } from './gcs-addresses.js';
import { GcsCalls } from './gcs-calls.js';
import type { GcsConfig } from './gcs-config.js';
import { GcsDrafts } from './gcs-drafts.js';
import { judgeGcs, noBucket } from './gcs-errors.js';
import { type GcsObject, objectFields, storedObject } from './gcs-objects.js';
import { GcsWrites, versionIn } from './gcs-writes.js';

const MiB = 1024 * 1024;
const leastConcurrency = 25;

/** A bucket of Google Cloud Storage. Versions are generations. */
export class GcsStore extends ObjectStore {
  readonly name = 'gcs';
  readonly limits: StoreLimits;
  override readonly hasAddresses: boolean;
  readonly #root: string;
  readonly #writes: GcsWrites;
  readonly #drafts: GcsDrafts;
  readonly #addresses: GcsAddresses;

  private constructor(
    private readonly calls: GcsCalls,
    config: GcsConfig,
  ) {
    super();
    this.limits = {
      pieceSize: config.chunksize,
      smallestPiece: Math.min(config.chunksize, 4 * MiB),
      mostPieces: 10_000,
      largestPiece: 512 * MiB,
      largestObject: 5 * MiB * MiB,
      smallestJoined: 0,
      separateDrafts: true,
    };
    const root = (config.rootdirectory ?? '').replace(/^\/+|\/+$/g, '');
    this.#root = root === '' ? '' : `${root}/`;
    this.#writes = new GcsWrites(calls);
    this.#drafts = new GcsDrafts(this.#writes, {
      nameOf: (key) => this.fullKeyOf(key),
      list: (prefix, request) => this.list(prefix, request),
    });
    const signs = config.keyfile !== undefined || config.credentials !== undefined;
    this.hasAddresses = signs || calls.account.authenticated;
    this.#addresses = new GcsAddresses(calls);
  }

  /** Nothing is asked of the service before `probe`. @throws {StorageRefused} if the key file cannot be read */
  static async connect(
    config: GcsConfig,
    limitsOfCalls: Partial<RetryLimits> = {},
  ): Promise<GcsStore> {
    const limits = { ...defaultRetryLimits, ...limitsOfCalls };
    const account = await openGcs(config);
    const places = new Turnstile(Math.max(leastConcurrency, config.maxconcurrency));
    const retries = new Retries(judgeGcs, limits, Math.random, places);
    return new GcsStore(new GcsCalls(account, config.bucket, retries), config);
  }

  async probe(): Promise<StoreAbilities> {
    await this.#reach();
    return probeAbilities(this);
  }

  async get(key: string, { limit }: { readonly limit: number }) {
    const name = this.fullKeyOf(key);
    return this.calls.run('objects.get', key, async (attempt) => {
      const { body, size, version, md5 } = await this.#open(name, attempt);
      if (size > limit) {
        body.destroy();
        throw new ContentTooLarge(key, size, limit);
      }
      const content = await collect(body, size);
      if (md5 !== undefined && createHash('md5').update(content).digest('base64') !== md5) {
        throw new BrokenOff('an answer with other bytes than the storage meant to send');
      }
      return { content, version };
    });
  }

  async head(key: string): Promise<StoredObject> {
    const path = this.calls.pathOf(this.fullKeyOf(key), { fields: objectFields });
    return this.calls.run('objects.get', key, async (attempt) =>
      storedObject(key, await this.calls.json<GcsObject>({ path }, attempt)),
    );
  }

  async read(key: string, range?: ByteRange, version?: string): Promise<ObjectStream> {
    const name = this.fullKeyOf(key);
    const open = (wanted: ByteRange | undefined, only: string | undefined) =>
      this.calls.run('objects.get', key, (attempt) => this.#open(name, attempt, wanted, only));
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
    return this.#writes.put(this.fullKeyOf(key), body, condition);
  }

  async remove(key: string, version?: string): Promise<void> {
    return this.#writes.remove(this.fullKeyOf(key), version);
  }

  async removeAll(keys: readonly string[]): Promise<void> {
    return this.#writes.removeAll(keys.map((key) => this.fullKeyOf(key)));
  }

  async list(prefix: string, request: ListRequest = {}): Promise<ObjectPage> {
    const { folded = false, after, next, limit = 1000 } = request;
    const path = this.calls.pathOfAll({
      prefix: this.fullKeyOf(prefix),
      delimiter: folded ? '/' : undefined,
      startOffset: after === undefined ? undefined : this.fullKeyOf(after),
      pageToken: next,
      maxResults: limit,
      fields: `items(${objectFields}),prefixes,nextPageToken`,
    });
    const page = await this.calls.run('objects.list', prefix, (attempt) =>
      this.calls.json<{
        items?: readonly GcsObject[];
        prefixes?: readonly string[];
        nextPageToken?: string;
      }>({ path }, attempt),
    );
    // Lists begin with the name that they are to begin after.
    const isWanted = (key: string) => after === undefined || byBytes(key, after) > 0;
    return {
      objects: (page.items ?? [])
        .map((item) => storedObject(this.#keyOf(item.name), item))
        .filter(({ key }) => isWanted(key)),
      prefixes: (page.prefixes ?? []).map((name) => this.#keyOf(name)).filter(isWanted),
      next: page.nextPageToken || undefined,
    };
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
    return this.#drafts.join(sources, key);
  }

  sweep(before: number, options: { readonly dryRun: boolean }): AsyncIterable<string> {
    return this.#drafts.sweep(before, options);
  }

  fullKeyOf(key: string): string {
    return this.#root + key;
  }

  override async addressOf(key: string, request: AddressRequest): Promise<string | undefined> {
    return this.#addresses.of(this.fullKeyOf(key), request);
  }

  override async close(): Promise<void> {
    this.calls.account.requests.close();
  }

  /** The first that is asked of the service. */
  async #reach(): Promise<void> {
    const path = this.calls.pathOfAll({ maxResults: 1, fields: 'nextPageToken' });
    try {
      await this.calls.run('objects.list', '', (attempt) => this.calls.json({ path }, attempt));
    } catch (error) {
      const { bucket } = this.calls;
      if (error instanceof ObjectNotFound) throw noBucket(bucket, error);
      if (!(error instanceof StorageUnavailable) || error instanceof StorageRefused) throw error;
      const { apiEndpoint } = this.calls.account.sdk;
      throw new StorageUnavailable(
        `bucket ${bucket} at ${apiEndpoint}: ${error.reason}; if that lasts, check storage.gcs.endpoint`,
        { cause: error },
      );
    }
  }

  #keyOf(name: string): string {
    return name.slice(this.#root.length);
  }

  async #open(name: string, attempt: Attempt, range?: ByteRange, version?: string) {
    const response = await this.calls.account.requests.open(
      {
        path: this.calls.pathOf(name, { alt: 'media', ifGenerationMatch: version }),
        headers: {
          // As it is stored, whatever encoding an object may claim to have.
          'accept-encoding': 'gzip',
          ...(range && { range: `bytes=${range.start}-${range.end}` }),
        },
      },
      attempt,
    );
    try {
      const found = versionIn(String(response.headers['x-goog-generation'] ?? ''));
      if (version !== undefined && found !== version) throw new ConditionFailed(name);
      return {
        body: response,
        size: sizeIn(response.headers),
        version: found,
        md5: /md5=([^,\s]+)/.exec(String(response.headers['x-goog-hash'] ?? ''))?.[1],
      };
    } catch (error) {
      response.destroy();
      throw error;
    }
  }
}

/** Of the whole object. */
function sizeIn(headers: IncomingHttpHeaders): number {
  const size = Number(headers['content-range']?.split('/')[1] ?? headers['content-length'] ?? NaN);
  if (!Number.isSafeInteger(size)) throw new BrokenOff('an answer without a length');
  return size;
}

async function collect(body: IncomingMessage, size: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) chunks.push(chunk);
  } catch (error) {
    throw new BrokenOff('an answer that breaks off', { cause: error });
  }
  const content = Buffer.concat(chunks);
  if (content.length !== size) throw new BrokenOff('an answer that is too short');
  return content;
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
