import { close as closeCallback, read as readCallback } from 'node:fs';

import type { ByteRange, StoredContent } from '../storage-driver.js';

const chunkSize = 256 * 1024;
const spareChunks: Buffer[] = [];
const mostSpareChunks = 64;

/** An open file on its way out: the next chunk is read while the last one is sent, through two pooled buffers. */
export class FileContent implements StoredContent {
  #fd: number | undefined;
  #pending: Promise<unknown> | undefined;

  constructor(
    fd: number,
    readonly size: number,
    private readonly range: ByteRange,
    private readonly ownership: 'owned' | 'borrowed' = 'owned',
  ) {
    this.#fd = fd;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    const chunks = this.#chunks();
    return {
      next: () => chunks.next(),
      return: async () => {
        await chunks.return();
        await this.close(); // A generator that was never started does not run its `finally`.
        return { done: true, value: undefined };
      },
    };
  }

  async *#chunks(): AsyncGenerator<Uint8Array, void, void> {
    const buffers: Buffer[] = [];
    const { end } = this.range;
    let position = this.range.start;
    const readNext = (turn: number): Promise<Uint8Array> => {
      const length = Math.min(chunkSize, end + 1 - position);
      const chunk = this.#read((buffers[turn] ??= takeChunk()), length, position);
      chunk.catch(() => undefined); // Whoever awaits it is told; until then it may fail unobserved.
      this.#pending = chunk;
      position += length;
      return chunk;
    };
    try {
      let pending = position <= end ? readNext(0) : undefined;
      for (let turn = 0; pending !== undefined; turn ^= 1) {
        const chunk = await pending;
        pending = position <= end ? readNext(turn ^ 1) : undefined;
        yield chunk;
      }
    } finally {
      await this.close();
      await this.#pending?.catch(() => undefined);
      buffers.forEach(giveChunkBack);
    }
  }

  async close(): Promise<void> {
    const fd = this.#fd;
    if (fd === undefined) return;
    this.#fd = undefined;
    // The number of a closed file goes to the next that is opened: a read that waits for its turn would read that one.
    await this.#pending?.catch(() => undefined);
    if (this.ownership === 'borrowed') return;
    await new Promise<void>((resolve) => closeCallback(fd, () => resolve()));
  }

  #read(buffer: Buffer, length: number, position: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const next = (done: number): void => {
        const fd = this.#fd;
        if (fd === undefined) return reject(new Error('content was closed while it was read'));
        readCallback(fd, buffer, done, length - done, position + done, (error, bytesRead) => {
          if (error) return reject(error);
          if (bytesRead === 0) {
            return reject(new Error('the file became shorter while it was read'));
          }
          if (done + bytesRead === length) return resolve(buffer.subarray(0, length));
          next(done + bytesRead);
        });
      };
      next(0);
    });
  }
}

function takeChunk(): Buffer {
  return spareChunks.pop() ?? Buffer.allocUnsafeSlow(chunkSize);
}

function giveChunkBack(buffer: Buffer): void {
  if (spareChunks.length < mostSpareChunks) spareChunks.push(buffer);
}
