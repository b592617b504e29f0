import { setTimeout as sleep } from 'node:timers/promises';

import { inByteOrder } from '../byte-order.js';
import {
  type AddressRequest,
  type ByteRange,
  ContentTooLarge,
  type FolderPage,
  type PageRequest,
  PathNotFound,
  type StoredContent,
  StorageDriver,
  type StoredEntry,
  type StoredFile,
  type StoredStat,
} from '../storage-driver.js';
import { BucketContent, NoContent } from './bucket-content.js';
import { BucketUploads } from './bucket-uploads.js';
import { bodyOf, ContestedObjects } from './contested-objects.js';
import { FolderNames } from './folder-names.js';
import { ObjectNotFound, type ObjectStore, type StoreAbilities } from './object-store.js';
import { PartMemory } from './part-memory.js';
import { isMark, mayBeMark, removalMark } from './removal-mark.js';
import { SpoolFolder } from './spool-folder.js';
import { Turnstile } from './turnstile.js';

export interface BucketOptions {
  /** Bytes that all uploads of the process hold in memory. */
  readonly uploadMemory?: number | undefined;
  /** Folder for what exceeds it; one for temporary files that is on a disk if undefined. */
  readonly spoolFolder?: string | undefined;
}

/** Milliseconds that `close` waits for a bucket which does not answer. */
const longestFarewell = 3000;

/** Pieces of all uploads that are on their way at once. */
const mostSending = 16;

/** Files in a bucket: any store of objects, with the layout that Distribution has there. */
export class BucketDriver extends StorageDriver {
  readonly name: string;
  readonly alterable = false;
  override readonly remote = true;
  readonly uploads: BucketUploads;
  override readonly hasAddresses: boolean;
  readonly #contested: ContestedObjects;

  private constructor(
    private readonly store: ObjectStore,
    /** What this bucket can do, as it showed. */
    readonly abilities: StoreAbilities,
    /** Where bytes of uploads wait that find no room in memory. */
    readonly spool: SpoolFolder,
    uploadMemory: number | undefined,
  ) {
    super();
    this.name = store.name;
    this.hasAddresses = store.hasAddresses;
    this.#contested = new ContestedObjects(store, abilities);
    this.uploads = new BucketUploads(store, {
      abilities,
      memory: new PartMemory(uploadMemory),
      spool,
      sending: new Turnstile(mostSending),
      putAll: (files) => this.put(files),
    });
  }

  /** @throws {StorageRefused} @throws {StorageUnavailable} */
  static async connect(store: ObjectStore, options: BucketOptions = {}): Promise<BucketDriver> {
    const spool = await SpoolFolder.connect(options.spoolFolder);
    const abilities = await store.probe();
    return new BucketDriver(store, abilities, spool, options.uploadMemory);
  }

  override async close(): Promise<void> {
    const patience = new AbortController();
    // What is not tidied up by then is left to the sweep.
    const enough = sleep(longestFarewell, undefined, { signal: patience.signal });
    await Promise.race([this.uploads.settle(), enough]);
    enough.catch(() => undefined);
    patience.abort();
    await this.store.close();
  }

  async get(path: string, { limit }: { limit: number }): Promise<Buffer> {
    const { content } = await found(path, () =>
      this.store.get(keyOf(path), { limit: Math.max(limit, removalMark.length) }),
    );
    if (isMark(content)) throw new PathNotFound(path);
    if (content.length > limit) throw new ContentTooLarge(path, content.length, limit);
    return content;
  }

  async stat(path: string): Promise<StoredStat> {
    const object = await found(path, () => this.store.head(keyOf(path)));
    if (!(await this.#contested.isThere(object))) throw new PathNotFound(path);
    const { size, modifiedAt, version } = object;
    return { size, modifiedAt, version };
  }

  async read(path: string, range?: ByteRange): Promise<StoredContent> {
    if (range !== undefined && range.end < range.start) {
      return new NoContent((await this.stat(path)).size);
    }
    const source = await found(path, () => this.store.read(keyOf(path), range));
    const content = new BucketContent(source);
    if (mayBeMark(source.size) && (await this.#contested.isMarked(keyOf(path)))) {
      await content.close();
      throw new PathNotFound(path);
    }
    return content;
  }

  async put(files: readonly StoredFile[], last: readonly StoredFile[] = []): Promise<void> {
    const writes = async () => {
      await Promise.all(
        files.map(({ path, content }) => this.store.put(keyOf(path), bodyOf(content))),
      );
    };
    await this.#contested.putAfter(
      writes,
      last.map(({ path, content }) => ({ key: keyOf(path), content })),
    );
  }

  async create({ path, content }: StoredFile): Promise<boolean> {
    return this.#contested.create(keyOf(path), content);
  }

  async confirm(paths: readonly string[]): Promise<void> {
    await Promise.all(paths.map((path) => this.stat(path)));
  }

  async putVolatile(file: StoredFile): Promise<void> {
    await this.put([file]);
  }

  async remove(path: string): Promise<void> {
    await this.store.remove(keyOf(path));
  }

  async removeIf(path: string, expected: Uint8Array): Promise<boolean> {
    return this.#contested.removeIf(keyOf(path), expected);
  }

  /** Folders are no more than beginnings of keys. */
  async removeFolder(_path: string): Promise<boolean> {
    return true;
  }

  async removeTree(path: string): Promise<void> {
    const prefix = `${keyOf(path)}/`;
    for (let next: string | undefined; ;) {
      const page = await this.store.list(prefix, { next });
      await this.store.removeAll(page.objects.map(({ key }) => key));
      if (page.next === undefined) return;
      ({ next } = page);
    }
  }

  /** A name may be there twice, as a file and as a folder. Objects whose key ends with a slash are no files. */
  async list(path: string): Promise<readonly StoredEntry[]> {
    const prefix = `${keyOf(path)}/`;
    const entries: StoredEntry[] = [];
    for (let next: string | undefined; ;) {
      const page = await this.store.list(prefix, { folded: true, next });
      const files = await Promise.all(
        page.objects.map(async (object) =>
          (await this.#contested.isThere(object)) ? [object.key] : [],
        ),
      );
      for (const key of files.flat()) entries.push(entryOf(key.slice(prefix.length), 'file'));
      for (const folder of page.prefixes) {
        entries.push(entryOf(folder.slice(prefix.length, -1), 'folder'));
      }
      if (page.next === undefined) break;
      ({ next } = page);
    }
    return inByteOrder(entries.filter(({ name }) => name !== ''));
  }

  override foldersWith(path: string, file: string, request: PageRequest = {}): Promise<FolderPage> {
    const names = new FolderNames(this.store, `${keyOf(path)}/`, file, (object) =>
      this.#contested.isThere(object),
    );
    return names.page(request);
  }

  override addressOf(path: string, request: AddressRequest): Promise<string | undefined> {
    return this.store.addressOf(keyOf(path), request);
  }

  override keyOf(path: string): string {
    return this.store.fullKeyOf(keyOf(path));
  }
}

function keyOf(path: string): string {
  return path.slice(1);
}

function entryOf(name: string, kind: StoredEntry['kind']): StoredEntry {
  return { name, kind };
}

async function found<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw error instanceof ObjectNotFound ? new PathNotFound(path) : error;
  }
}
