import { closeSync, read as readCallback } from 'node:fs';

import type { ByteRange, StoredContent } from '../storage-driver.js';
import { chunks as pool } from './chunk-pool.js';

/** Milliseconds. Whoever takes longer for a chunk gets small ones: slow readers must not hold the memory of fast ones. */
const slow = 1000;

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
    const buffers = new Map<number, Buffer>();
    const { end } = this.range;
    let wanted: 'large' | 'small' = 'large';
    let position = this.range.start;
    const bufferFor = (turn: number): Buffer => {
      const used = buffers.get(turn);
      if (used !== undefined && wanted === 'large') return used;
      if (used !== undefined) pool.giveBack(used);
      const buffer = pool.take(wanted);
      buffers.set(turn, buffer);
      return buffer;
    };
    const readNext = (turn: number): Promise<Uint8Array> => {
      const buffer = bufferFor(turn);
      const length = Math.min(buffer.length, end + 1 - position);
      const chunk = this.#read(buffer, length, position);
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
        const yielded = performance.now();
        yield chunk;
        wanted = performance.now() - yielded > slow ? 'small' : 'large';
      }
    } finally {
      await this.close();
      await this.#pending?.catch(() => undefined);
      for (const buffer of buffers.values()) pool.giveBack(buffer);
    }
  }

  async close(): Promise<void> {
    const fd = this.#fd;
    if (fd === undefined) return;
    this.#fd = undefined;
    // The number of a closed file goes to the next that is opened: a read that waits for its turn would read that one.
    await this.#pending?.catch(() => undefined);
    if (this.ownership === 'borrowed') return;
    closeSync(fd);
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
