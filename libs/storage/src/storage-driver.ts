import type { StoredFile } from './stored-file.js';
import type { UploadArea } from './upload-area.js';

export type { StoredFile };

export interface StoredStat {
  /** Bytes. */
  readonly size: number;
  /** When the content was last written, in milliseconds since 1970. */
  readonly modifiedAt: number;
  /**
   * Differs whenever the content may differ. Undefined where the back end cannot tell without reading.
   * It is good for comparing, in one process, and for nothing else.
   */
  readonly version?: string | undefined;
}

export interface StoredEntry {
  readonly name: string;
  readonly kind: 'file' | 'folder';
}

/** Both ends are inclusive offsets in bytes. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Content on its way out. Each chunk is valid only until the next one is asked for: drivers reuse the memory.
 * Whoever holds one iterates it to the end, breaks out of the loop, or calls `close`.
 */
export interface StoredContent extends AsyncIterable<Uint8Array> {
  /** Size of the whole file in bytes, whatever range was asked for. */
  readonly size: number;
  close(): Promise<void>;
}

/** Which page of names. */
export interface PageRequest {
  readonly limit?: number;
  readonly after?: string | undefined;
}

/** One page of names. */
export interface FolderPage {
  /** In the order of their bytes. */
  readonly names: readonly string[];
  readonly more: boolean;
}

/** Who asks for an address, and for what. */
export interface AddressRequest {
  readonly method: 'GET' | 'HEAD';
  /** As the registry knows it: an IP address. */
  readonly clientAddress?: string | undefined;
  /** Milliseconds that the address is to be good for; the driver's choice if undefined. */
  readonly lifetime?: number | undefined;
}

/** There is no file at this path. */
export class PathNotFound extends Error {
  override readonly name = 'PathNotFound';
  constructor(readonly path: string) {
    super(`path not found: ${path}`);
  }
}

/** The file is larger than its reader accepts. */
export class ContentTooLarge extends Error {
  override readonly name = 'ContentTooLarge';
  constructor(
    readonly path: string,
    readonly size: number,
    readonly limit: number,
  ) {
    super(`${path} has ${size} bytes, more than the ${limit} that are accepted here`);
  }
}

/** The storage does not do it now: full, read-only, over quota, throttling, out of reach. What was stored before is untouched. */
export class StorageUnavailable extends Error {
  override readonly name: string = 'StorageUnavailable';
  constructor(
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`storage cannot take this write: ${reason}`, options);
  }
}

/**
 * Bytes at paths. Paths are absolute within the storage (`/docker/registry/v2/…`), made by our code and never by a client.
 *
 * Every write is durable when its promise resolves, and atomic: a reader, or a crash, finds the old content or the new,
 * never a part. What two writers of one path leave is the content of one of them.
 */
export abstract class StorageDriver {
  /** As the configuration and the metrics name it. */
  abstract readonly name: string;

  /** Whether somebody can change stored bytes behind the registry's back, as on a disk; sizes are then written down. */
  abstract readonly alterable: boolean;

  /** Whether each look is a call to another machine, where other processes see and change the same. */
  readonly remote: boolean = false;

  /**
   * Whether what a writer could see before is durable when his own write is. Elsewhere who relies on what another wrote
   * confirms it.
   */
  readonly ordered: boolean = true;

  /** Where the parts of uploads are until they are committed. */
  abstract readonly uploads: UploadArea;

  /**
   * The whole content of a small file.
   * @throws {PathNotFound}
   * @throws {ContentTooLarge} if it has more than `limit` bytes
   */
  abstract get(path: string, options: { limit: number }): Promise<Buffer>;

  /**
   * What `get` would give, where that can be told without waiting; undefined where it cannot, whatever the reason. For what is
   * asked thousands of times a second.
   */
  getAtOnce(_path: string, _limit: number): Buffer | undefined {
    return undefined;
  }

  /** @throws {PathNotFound} also when the path is a folder */
  abstract stat(path: string): Promise<StoredStat>;

  /** @throws {PathNotFound} before the promise resolves, never while the content is read */
  abstract read(path: string, range?: ByteRange): Promise<StoredContent>;

  /**
   * Writes `files` side by side and then `last`, which no reader sees, and no crash leaves, without the others. Several may
   * write other content to the path of one of `last`: there is one order of them all, whatever had to be repeated. Who writes
   * to the path of one of `files` writes the same.
   */
  abstract put(files: readonly StoredFile[], last?: readonly StoredFile[]): Promise<void>;

  /** Writes a file unless there is one already; tells whether it did. Of several who try at once exactly one does. */
  abstract create(file: StoredFile): Promise<boolean>;

  /** Makes what is at these paths, whoever wrote it, survive a crash. For who acknowledges what another request wrote. */
  abstract confirm(paths: readonly string[]): Promise<void>;

  /** Writes a file that may be lost in a crash (its reader then sees nothing, or content that it can tell is not whole). */
  abstract putVolatile(file: StoredFile): Promise<void>;

  /** Removes a file. One that is not there is fine. */
  abstract remove(path: string): Promise<void>;

  /**
   * Removes a file if its content is `expected`; tells whether it did. A reader never sees the file missing when another
   * content was put there, and a concurrent `put` is never undone.
   */
  abstract removeIf(path: string, expected: Uint8Array): Promise<boolean>;

  /** Removes a folder that holds nothing any more; false if it does hold something. True where folders are only prefixes. */
  abstract removeFolder(path: string): Promise<boolean>;

  /** Removes a folder with all that is in it. For what nobody writes to. */
  abstract removeTree(path: string): Promise<void>;

  /** What is directly in a folder, in the order of the names' bytes; nothing when there is no such folder. */
  abstract list(path: string): Promise<readonly StoredEntry[]>;

  /**
   * The folders directly in `path` that hold a file at `file`, a path relative to each of them. Made of `list` and `stat`;
   * a back end whose lists are not of folders does it in one go.
   * @param options.after the last name of the page before; need not exist
   */
  async foldersWith(
    path: string,
    file: string,
    { limit = Infinity, after }: PageRequest = {},
  ): Promise<FolderPage> {
    const entries = await this.list(path);
    const names: string[] = [];
    let next = after === undefined ? 0 : firstAfter(entries, after);
    while (next < entries.length && names.length <= limit) {
      const some = entries.slice(next, next + Math.min(statsAtOnce, limit + 1 - names.length));
      next += some.length;
      const found = await Promise.all(
        some.map(
          async ({ name, kind }) => kind === 'folder' && this.#isFile(`${path}/${name}/${file}`),
        ),
      );
      names.push(...some.filter((_, index) => found[index]).map(({ name }) => name));
    }
    return { names: names.slice(0, limit), more: names.length > limit };
  }

  /** Whether {@link addressOf} gives any. */
  readonly hasAddresses: boolean = false;

  /**
   * An address where a client without credentials gets this file from the back end itself; undefined where there is none. That the
   * file exists is not looked at.
   */
  async addressOf(_path: string, _request: AddressRequest): Promise<string | undefined> {
    return undefined;
  }

  /** What the back end itself calls the file at this path. */
  keyOf(path: string): string {
    return path;
  }

  /** Ends what goes on behind the calls, and lets go of connections. */
  async close(): Promise<void> {}

  async #isFile(path: string): Promise<boolean> {
    try {
      await this.stat(path);
      return true;
    } catch (error) {
      if (error instanceof PathNotFound) return false;
      throw error;
    }
  }
}

const statsAtOnce = 32;

/** Index of the first entry behind `after`, by halving. */
function firstAfter(entries: readonly StoredEntry[], after: string): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle] as StoredEntry).name <= after) low = middle + 1;
    else high = middle;
  }
  return low;
}
