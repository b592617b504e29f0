import type { StoredFile } from '../stored-file.js';
import { PartsClaimed, PartWriter, type UploadedParts } from '../upload-area.js';
import { BucketContent } from './bucket-content.js';
import type { GatheredPart } from './gathered-part.js';
import { ConditionFailed, ObjectNotFound, type ObjectStore } from './object-store.js';
import type { SessionNames } from './session-objects.js';
import { endOf, type Part, uploadedParts } from './upload-parts.js';
import { UploadTooLarge } from './upload-too-large.js';

/** What a writer needs of the area that made it. */
export interface WriterArea {
  readonly store: ObjectStore;
  /** Of several who create an object exactly one does. */
  readonly createsOnce: boolean;
  readonly maximumSize: number;
  readonly putAll: (files: readonly StoredFile[]) => Promise<void>;
  /** Nobody waits for it, and nobody need know that it failed. */
  readonly inBackground: (work: Promise<unknown>) => void;
}

/** Where the bytes of a request go. */
export interface WriterLine {
  readonly names: SessionNames;
  readonly earlier: readonly Part[];
  readonly own: GatheredPart;
  /** Fails if the session was ended; undefined where that is known already. */
  readonly open: Promise<void> | undefined;
  /** The key that the line becomes an object at, if that was known before its first byte. */
  readonly destination: string | undefined;
}

/** Bytes of one request, after the parts of earlier ones. */
export class BucketPartWriter extends PartWriter {
  #ended = false;
  /** The request's bytes once they are an object of the session. */
  #stored: { readonly key: string; readonly size: number; readonly version: string } | undefined;

  constructor(
    private readonly area: WriterArea,
    private readonly line: WriterLine,
  ) {
    super();
  }

  get size(): number {
    return endOf(this.line.earlier) + this.line.own.size;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#ended) return Promise.reject(new Error('this part of the upload has ended'));
    if (this.#stored !== undefined) {
      return Promise.reject(new Error('an upload that was read takes no more bytes'));
    }
    const { maximumSize } = this.area;
    if (this.size + chunk.length > maximumSize) {
      return Promise.reject(new UploadTooLarge(this.line.names.session, maximumSize));
    }
    return this.line.own.write(chunk);
  }

  async *read(): AsyncIterable<Uint8Array> {
    const { own } = this.line;
    if (own.isDraft) await this.#store();
    for (const source of this.#sources()) {
      const object = await this.#present(() =>
        this.area.store.read(source.key, undefined, source.version),
      );
      yield* new BucketContent(object);
    }
    if (this.#stored !== undefined || own.size === 0) return;
    const gathered = own.gathered.open();
    if (gathered instanceof Uint8Array) yield gathered;
    else yield* gathered as AsyncIterable<Uint8Array>;
  }

  async finish(): Promise<UploadedParts> {
    this.#end();
    return this.#orDiscard(async () => {
      const { names, earlier, own, destination } = this.line;
      if (own.size === 0) return uploadedParts(earlier);
      const { key, writer } = names.next(earlier, own.writer);
      if (own.key !== key && (own.isDraft || this.#stored !== undefined)) {
        throw new Error(`a line with the destination ${destination} is committed or given up`);
      }
      const condition = this.area.createsOnce ? 'absent' : 'always';
      const version = this.#stored?.version ?? (await this.#write(key, condition));
      return uploadedParts([...earlier, { base: endOf(earlier), size: own.size, version, writer }]);
    });
  }

  async commit(path: string, files: readonly StoredFile[]): Promise<void> {
    this.#end();
    const keys = await this.#orDiscard(() => this.#join(path.slice(1)));
    await this.area.putAll(files);
    // The upload is a blob, whatever becomes of its parts: the sweep finds what is left of them.
    await this.area.store.removeAll(keys).catch(() => undefined);
  }

  async abandon(): Promise<void> {
    if (this.#ended) return;
    this.#end();
    this.#discard();
  }

  /** @returns the keys of the objects that it is made of */
  async #join(target: string): Promise<readonly string[]> {
    const { earlier, own } = this.line;
    if (earlier.length === 0 && this.#stored === undefined) {
      if (!own.isDraft || own.key === target) {
        await this.#write(target, 'always');
        return [];
      }
    }
    await this.#store();
    const sources = this.#sources();
    await this.line.open;
    await this.#present(() => this.area.store.join(sources, target));
    return sources.map(({ key }) => key);
  }

  /** Makes the request's bytes an object of the session. */
  async #store(): Promise<void> {
    const { names, earlier, own, destination } = this.line;
    if (this.#stored !== undefined || own.size === 0) return;
    if (own.isDraft && own.key === destination) {
      throw new Error(`what is on its way to ${destination} cannot be read before it is committed`);
    }
    const key = own.isDraft ? own.key : names.committed(earlier, own.writer);
    const isPart = key === names.next(earlier, own.writer).key;
    const version = await this.#write(key, isPart && this.area.createsOnce ? 'absent' : 'always');
    this.#stored = { key, size: own.size, version };
  }

  #write(key: string, condition: 'always' | 'absent'): Promise<string> {
    const { own } = this.line;
    return this.#present(() => (own.isDraft ? own.complete(condition) : own.put(key, condition)));
  }

  #sources() {
    const { names, earlier } = this.line;
    const keys = names.keysOf(earlier);
    const sources = earlier.map(({ size, version }, index) => ({
      key: keys[index] as string,
      size,
      version,
    }));
    return this.#stored === undefined ? sources : [...sources, this.#stored];
  }

  /** @throws {PartsClaimed} if a part is another, or gone */
  async #present<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof ConditionFailed || error instanceof ObjectNotFound)) throw error;
      const { names } = this.line;
      await names.requireOpen(this.area.store);
      throw new PartsClaimed(names.session);
    }
  }

  async #orDiscard<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      this.#discard();
      throw error;
    }
  }

  #discard(): void {
    this.area.inBackground(this.line.own.discard());
    if (this.#stored !== undefined) {
      this.area.inBackground(this.area.store.remove(this.#stored.key));
    }
  }

  #end(): void {
    if (this.#ended) throw new Error('this part of the upload has ended');
    this.#ended = true;
  }
}
