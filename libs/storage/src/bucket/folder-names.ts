import { inByteOrder } from '../byte-order.js';
import type { FolderPage, PageRequest } from '../storage-driver.js';
import {
  ObjectNotFound,
  type ObjectPage,
  type ObjectStore,
  type StoredObject,
} from './object-store.js';

/** Comes right after `/` in the order of bytes, so that what is in a folder comes before `<folder>0`. */
const afterSlash = '0';

/**
 * The folders in `prefix` that hold a file, from one flat list of all keys. It is in the order of the keys, in which
 * `1-alpine/` and `1.0/` come before `1/`, as `-` and `.` come before `/`; a page is in the order of the names.
 */
export class FolderNames {
  readonly #found = new Set<string>();

  /**
   * @param prefix ends with a slash
   * @param isThere whether what is listed is a file for readers
   */
  constructor(
    private readonly store: ObjectStore,
    private readonly prefix: string,
    private readonly file: string,
    private readonly isThere: (object: StoredObject) => Promise<boolean>,
  ) {}

  async page({ limit = Infinity, after }: PageRequest): Promise<FolderPage> {
    let request: { after?: string; next?: string } =
      after === undefined ? {} : { after: this.prefix + after };
    for (;;) {
      const page = await this.store.list(this.prefix, request);
      await this.#take(page.objects, after);
      if (page.next === undefined) break;
      if (this.#found.size > limit) {
        await this.#lookBefore(page, limit, after);
        break;
      }
      request = this.#behind(page) ?? { next: page.next };
    }
    const names = this.#inOrder().slice(0, limit);
    return { names, more: this.#found.size > names.length };
  }

  async #take(objects: readonly StoredObject[], after: string | undefined): Promise<void> {
    await Promise.all(
      objects.map(async (object) => {
        const name = this.#folderOf(object.key);
        if (object.key !== this.#keyOf(name) || !comesAfter(name, after)) return;
        if (await this.isThere(object)) this.#found.add(name);
      }),
    );
  }

  /**
   * Folders that belong on this page, though the list comes to them later: `1` when it has only come to `1.20`. Each is the
   * beginning of the name that the list has come to, so that they are few.
   */
  async #lookBefore(page: ObjectPage, limit: number, after: string | undefined): Promise<void> {
    const last = page.objects.at(-1)?.key ?? this.prefix;
    const reached = this.#folderOf(last);
    const end = this.#inOrder()[limit] ?? '';
    const beginnings = Array.from(reached, (letter, index) =>
      letter < '/' ? reached.slice(0, index) : '',
    );
    const unseen = [...beginnings, reached].filter(
      (name) => name !== '' && comesAfter(name, after) && name < end && last < this.#keyOf(name),
    );
    await Promise.all(
      unseen.map(async (name) => {
        if (await this.#isFile(this.#keyOf(name))) this.#found.add(name);
      }),
    );
  }

  /** Where to go on when a whole page was in one folder: at the file that is looked for, or at the next folder. */
  #behind({ objects }: ObjectPage): { after: string } | undefined {
    const last = objects.at(-1);
    const folder = this.#folderOf(objects[0]?.key ?? '');
    if (last === undefined || folder === '' || this.#folderOf(last.key) !== folder)
      return undefined;
    const key = this.#keyOf(folder);
    const before = key.slice(0, -1);
    if (last.key >= key) return { after: `${this.prefix}${folder}${afterSlash}` };
    return last.key < before ? { after: before } : undefined;
  }

  async #isFile(key: string): Promise<boolean> {
    try {
      return await this.isThere(await this.store.head(key));
    } catch (error) {
      if (error instanceof ObjectNotFound) return false;
      throw error;
    }
  }

  #inOrder(): string[] {
    return inByteOrder(Array.from(this.#found, (name) => ({ name }))).map(({ name }) => name);
  }

  #keyOf(folder: string): string {
    return `${this.prefix}${folder}/${this.file}`;
  }

  #folderOf(key: string): string {
    const end = key.indexOf('/', this.prefix.length);
    return key.slice(this.prefix.length, end === -1 ? undefined : end);
  }
}

function comesAfter(name: string, after: string | undefined): boolean {
  return after === undefined || Buffer.compare(Buffer.from(name), Buffer.from(after)) > 0;
}
