import { inByteOrder } from '../byte-order.js';
import {
  type ByteRange,
  ContentTooLarge,
  PathNotFound,
  type StoredContent,
  StorageDriver,
  type StoredEntry,
  type StoredFile,
  type StoredStat,
} from '../storage-driver.js';
import { MemoryContent } from './memory-content.js';
import { MemoryUploadArea } from './memory-upload-area.js';

interface MemoryFile {
  readonly content: Buffer;
  readonly modifiedAt: number;
  readonly version: string;
}

/** Content in the memory of this process: for trying things out, and for tests. It lasts as long as the process. */
export class MemoryDriver extends StorageDriver {
  readonly name = 'inmemory';
  readonly alterable = false;
  readonly uploads: MemoryUploadArea;
  readonly #files = new Map<string, MemoryFile>();
  #versions = 0;

  constructor(private readonly now: () => number = Date.now) {
    super();
    const writeAll = (files: readonly StoredFile[]) => files.forEach((file) => this.#write(file));
    this.uploads = new MemoryUploadArea(writeAll, now);
  }

  async get(path: string, { limit }: { limit: number }): Promise<Buffer> {
    const { content } = this.#file(path);
    if (content.length > limit) throw new ContentTooLarge(path, content.length, limit);
    return content;
  }

  async stat(path: string): Promise<StoredStat> {
    const { content, modifiedAt, version } = this.#file(path);
    return { size: content.length, modifiedAt, version };
  }

  async read(path: string, range?: ByteRange): Promise<StoredContent> {
    return new MemoryContent(this.#file(path).content, range);
  }

  async put(files: readonly StoredFile[], last: readonly StoredFile[] = []): Promise<void> {
    for (const file of [...files, ...last]) this.#write(file);
  }

  async create(file: StoredFile): Promise<boolean> {
    if (this.#files.has(file.path)) return false;
    this.#write(file);
    return true;
  }

  async confirm(paths: readonly string[]): Promise<void> {
    for (const path of paths) this.#file(path);
  }

  async putVolatile(file: StoredFile): Promise<void> {
    this.#write(file);
  }

  async remove(path: string): Promise<void> {
    this.#files.delete(path);
  }

  async removeIf(path: string, expected: Uint8Array): Promise<boolean> {
    return (this.#files.get(path)?.content.equals(expected) ?? false) && this.#files.delete(path);
  }

  async removeFolder(path: string): Promise<boolean> {
    const prefix = `${path}/`;
    return !Array.from(this.#files.keys()).some((file) => file.startsWith(prefix));
  }

  async removeTree(path: string): Promise<void> {
    const prefix = `${path}/`;
    for (const file of this.#files.keys()) if (file.startsWith(prefix)) this.#files.delete(file);
  }

  async list(path: string): Promise<readonly StoredEntry[]> {
    const prefix = `${path}/`;
    const kinds = new Map<string, StoredEntry['kind']>();
    for (const file of this.#files.keys()) {
      if (!file.startsWith(prefix)) continue;
      const [name = '', ...below] = file.slice(prefix.length).split('/');
      kinds.set(name, below.length === 0 ? 'file' : 'folder');
    }
    return inByteOrder(Array.from(kinds, ([name, kind]) => ({ name, kind })));
  }

  #write({ path, content }: StoredFile): void {
    this.#files.set(path, {
      content: Buffer.from(content),
      modifiedAt: this.now(),
      version: String(++this.#versions),
    });
  }

  #file(path: string): MemoryFile {
    const file = this.#files.get(path);
    if (file === undefined) throw new PathNotFound(path);
    return file;
  }
}
