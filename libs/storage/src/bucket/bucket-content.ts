import type { StoredContent } from '../storage-driver.js';
import type { ObjectStream } from './object-store.js';

/** An object on its way to its reader. */
export class BucketContent implements StoredContent {
  readonly size: number;

  constructor(private readonly source: ObjectStream) {
    this.size = source.size;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this.source.stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  }

  async close(): Promise<void> {
    this.source.stream.on('error', () => undefined);
    this.source.stream.destroy();
  }
}

/** Nothing of a file, whose size somebody wants to know. */
export class NoContent implements StoredContent {
  constructor(readonly size: number) {}

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {}

  async close(): Promise<void> {}
}
