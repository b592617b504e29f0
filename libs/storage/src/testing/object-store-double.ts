import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

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
  type StoreLimits,
  type WriteCondition,
} from '../bucket/object-store.js';
import { type ByteRange, ContentTooLarge } from '../storage-driver.js';

interface KeptObject {
  readonly content: Buffer;
  readonly version: string;
  readonly modifiedAt: number;
}

interface KeptDraft {
  readonly key: string;
  readonly pieces: Map<number, Buffer>;
  readonly begunAt: number;
  completedAs?: string;
}

/** What several clients of one double share. */
export class ObjectsDouble {
  readonly objects = new Map<string, KeptObject>();
  readonly drafts = new Map<string, KeptDraft>();
}

export interface DoubleOptions {
  readonly objects?: ObjectsDouble;
  readonly limits?: Partial<StoreLimits>;
  readonly abilities?: StoreAbilities;
  /** Most that a page of a list has. */
  readonly pageSize?: number;
  /** Before each operation takes effect: a test makes it wait, or fail, here. */
  readonly before?: (operation: string, key: string) => Promise<void> | void;
  /** After it took effect, before the answer. */
  readonly after?: (operation: string, key: string) => Promise<void> | void;
}

const allAbilities = { createsOnce: true, replacesVersion: true, removesVersion: true };

/** A test double of a bucket, in memory: for orders of events, and failures, that a real server cannot be made to show. */
export class ObjectStoreDouble extends ObjectStore {
  readonly name = 'double';
  readonly limits: StoreLimits;
  readonly calls: string[] = [];
  readonly #kept: ObjectsDouble;

  constructor(private readonly options: DoubleOptions = {}) {
    super();
    this.#kept = options.objects ?? new ObjectsDouble();
    this.limits = {
      pieceSize: 64 * 1024,
      smallestPiece: 16 * 1024,
      mostPieces: 10_000,
      largestPiece: 1024 ** 3,
      largestObject: 1024 ** 4,
      smallestJoined: 0,
      separateDrafts: true,
      ...options.limits,
    };
  }

  async probe(): Promise<StoreAbilities> {
    return this.options.abilities ?? allAbilities;
  }

  async get(key: string, { limit }: { readonly limit: number }) {
    return this.#answer('get', key, () => {
      const { content, version } = this.#object(key);
      if (content.length > limit) throw new ContentTooLarge(key, content.length, limit);
      return { content, version };
    });
  }

  async head(key: string): Promise<StoredObject> {
    return this.#answer('head', key, () => this.#stored(key));
  }

  async read(key: string, range?: ByteRange, version?: string): Promise<ObjectStream> {
    return this.#answer('read', key, () => {
      const { content, version: found } = this.#object(key);
      if (version !== undefined && version !== found) throw new ConditionFailed(key);
      const part = range ? content.subarray(range.start, range.end + 1) : content;
      return { size: content.length, stream: Readable.from(part.length > 0 ? [part] : []) };
    });
  }

  async put(key: string, body: ObjectBody, condition: WriteCondition = 'always'): Promise<string> {
    const content = await bytesOf(body);
    return this.#answer('put', key, () => {
      this.#requireCondition(key, condition);
      return this.#write(key, content);
    });
  }

  async remove(key: string, version?: string): Promise<void> {
    await this.#answer('remove', key, () => {
      const { removesVersion } = this.options.abilities ?? allAbilities;
      if (version !== undefined && removesVersion) this.#requireCondition(key, { version });
      this.#kept.objects.delete(key);
    });
  }

  async removeAll(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    await this.#answer('removeAll', keys[0] as string, () => {
      for (const key of keys) this.#kept.objects.delete(key);
    });
  }

  async list(prefix: string, request: ListRequest = {}): Promise<ObjectPage> {
    return this.#answer('list', prefix, () => {
      const { folded = false, after = '', next = '', limit: wanted = 1000 } = request;
      const limit = Math.min(wanted, this.options.pageSize ?? 1000);
      const from = next > after ? next : after;
      const keys = Array.from(this.#kept.objects.keys())
        .filter((key) => key.startsWith(prefix))
        .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      const names = new Set(keys.map((key) => (folded ? foldedAt(key, prefix) : key)));
      const rest = Array.from(names).filter(
        (name) => from === '' || Buffer.compare(Buffer.from(name), Buffer.from(from)) > 0,
      );
      const page = rest.slice(0, limit);
      const isPrefix = (name: string) => folded && name.endsWith('/') && name !== prefix;
      return {
        objects: page.filter((name) => !isPrefix(name)).map((name) => this.#stored(name)),
        prefixes: page.filter(isPrefix),
        next: rest.length > limit ? page.at(-1) : undefined,
      };
    });
  }

  async begin(key: string, writer: string): Promise<ObjectDraft> {
    return this.#answer('begin', key, () => {
      const id = `${key}#${writer}`;
      this.#kept.drafts.set(id, { key, pieces: new Map(), begunAt: Date.now() });
      return { key, writer, id };
    });
  }

  async add(draft: ObjectDraft, number: number, body: ObjectBody): Promise<DraftPiece> {
    const content = await bytesOf(body);
    return this.#answer('add', draft.key, () => {
      this.#draft(draft).pieces.set(number, content);
      return { number, size: content.length, token: versionOf(content) };
    });
  }

  async complete(
    draft: ObjectDraft,
    pieces: readonly DraftPiece[],
    condition: 'always' | 'absent' = 'always',
  ): Promise<string> {
    return this.#answer('complete', draft.key, () => {
      const kept = this.#draft(draft);
      if (kept.completedAs !== undefined) return kept.completedAs;
      this.#requireCondition(draft.key, condition);
      const contents = pieces.map(({ number }) => kept.pieces.get(number) ?? Buffer.alloc(0));
      kept.completedAs = this.#write(draft.key, Buffer.concat(contents));
      return kept.completedAs;
    });
  }

  async discard(draft: ObjectDraft): Promise<void> {
    await this.#answer('discard', draft.key, () => this.#kept.drafts.delete(draft.id));
  }

  async join(sources: readonly Omit<StoredObject, 'modifiedAt'>[], key: string): Promise<void> {
    await this.#answer('join', key, () => {
      const contents = sources.map((source) => {
        const { content, version } = this.#object(source.key);
        if (version !== source.version) throw new ConditionFailed(source.key);
        return content;
      });
      this.#write(key, Buffer.concat(contents));
    });
  }

  async *sweep(before: number, { dryRun }: { readonly dryRun: boolean }): AsyncIterable<string> {
    for (const [id, { begunAt, completedAs }] of this.#kept.drafts) {
      if (completedAs !== undefined || begunAt >= before) continue;
      if (!dryRun) this.#kept.drafts.delete(id);
      yield id;
    }
  }

  fullKeyOf(key: string): string {
    return key;
  }

  async #answer<T>(operation: string, key: string, action: () => T): Promise<T> {
    this.calls.push(operation);
    await this.options.before?.(operation, key);
    const answer = action();
    await this.options.after?.(operation, key);
    return answer;
  }

  #write(key: string, content: Buffer): string {
    const version = versionOf(content);
    this.#kept.objects.set(key, { content, version, modifiedAt: Date.now() });
    return version;
  }

  #requireCondition(key: string, condition: WriteCondition): void {
    const { createsOnce, replacesVersion } = this.options.abilities ?? allAbilities;
    const found = this.#kept.objects.get(key);
    const holds =
      condition === 'absent'
        ? !createsOnce || found === undefined
        : condition === 'always' || !replacesVersion || found?.version === condition.version;
    if (!holds) throw new ConditionFailed(key);
  }

  #object(key: string): KeptObject {
    const found = this.#kept.objects.get(key);
    if (found === undefined) throw new ObjectNotFound(key);
    return found;
  }

  #stored(key: string): StoredObject {
    const { content, version, modifiedAt } = this.#object(key);
    return { key, size: content.length, version, modifiedAt };
  }

  #draft({ id, key }: ObjectDraft): KeptDraft {
    const found = this.#kept.drafts.get(id);
    if (found === undefined) throw new ObjectNotFound(key);
    return found;
  }
}

async function bytesOf(body: ObjectBody): Promise<Buffer> {
  const content = body.open();
  const bytes = content instanceof Uint8Array ? Buffer.from(content) : await buffer(content);
  if (bytes.length !== body.size) throw new Error(`a body of ${body.size} has ${bytes.length}`);
  return bytes;
}

/** As the ETag of S3. */
function versionOf(content: Buffer): string {
  return createHash('md5').update(content).digest('hex');
}

function foldedAt(key: string, prefix: string): string {
  const end = key.indexOf('/', prefix.length);
  return end === -1 ? key : key.slice(0, end + 1);
}
