import type { ByteRange, StoredContent } from '../storage-driver.js';

const chunkSize = 256 * 1024;

export class MemoryContent implements StoredContent {
  readonly size: number;
  readonly #part: Buffer;

  constructor(content: Buffer, range?: ByteRange) {
    this.size = content.length;
    this.#part = range === undefined ? content : content.subarray(range.start, range.end + 1);
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    for (let start = 0; start < this.#part.length; start += chunkSize) {
      yield this.#part.subarray(start, start + chunkSize);
    }
  }

  async close(): Promise<void> {}
}
