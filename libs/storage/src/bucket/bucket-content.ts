import type { StoredContent } from '../storage-driver.js';
import type { ObjectStream } from './object-store.js';

/** An object on its way to its reader. */
export class BucketContent implements StoredContent {
  readonly size: number;

  constructor(private readonly source: ObjectStream) {
    this.size = source.size;
    // It may fail before anybody iterates; who does is told then.
    source.stream.on('error', () => undefined);
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    const chunks = this.source.stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
    return {
      next: () => chunks.next(),
      // That of a stream does nothing before the first chunk.
      return: async () => {
        await this.close();
        return { done: true, value: undefined };
      },
    };
  }

  async close(): Promise<void> {
    this.source.stream.destroy();
  }
}

/** Nothing of a file, whose size somebody wants to know. */
export class NoContent implements StoredContent {
  constructor(readonly size: number) {}

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {}

  async close(): Promise<void> {}
}
