import type { FileHandle } from 'node:fs/promises';

import { giveBack } from '../give-back.js';
import { translateWrite } from './errno.js';

/** Bytes that are gathered into one call. Each call is handed to a thread, which costs as much as writing a tenth of this. */
const batchSize = 512 * 1024;

/**
 * Bytes in all uploads of a process that the operating system has not taken yet. Beyond it nothing is gathered, and each upload
 * waits for its last chunk.
 */
const mostGathered = 16 * 1024 * 1024;

/** Milliseconds that bytes wait at most while more come: a slow upload's file shows by its time that the upload lives. */
const longestWait = 1000;

/** Dirty bytes after which the disk is asked to begin, so that the sync at the end finds little left to do. */
const syncEvery = 32 * 1024 * 1024;

/** What all appenders of a process hold together. */
export class GatheredBytes {
  total = 0;
  /** Those with bytes that wait for more. */
  readonly gathering = new Set<FileAppender>();

  get full(): boolean {
    return this.total >= mostGathered;
  }

  /** Whoever waits for more holds room that others need, perhaps of a client that stopped sending. */
  makeRoom(): void {
    for (const appender of this.gathering) appender.startFlush();
  }
}

/** Writes to the end of a file, in order: one batch is on its way to the disk while the next one gathers. */
export class FileAppender {
  #size: number;
  #written: number;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #flushing: Promise<void> | undefined;
  #room: PromiseWithResolvers<void> | undefined;
  #syncing: Promise<void> | undefined;
  #syncedAt: number;
  #failure: Error | undefined;
  #trusted = true;
  #flushedAt = 0;

  constructor(
    private readonly handle: FileHandle,
    private readonly gathered: GatheredBytes,
    start: number,
  ) {
    this.#size = start;
    this.#written = start;
    this.#syncedAt = start;
  }

  /** With what was appended, written or not. */
  get size(): number {
    return this.#size;
  }

  /** Whether the bytes that were there at first can be relied on: not when the disk refused to keep what followed. */
  get trusted(): boolean {
    return this.#trusted;
  }

  /** @returns a promise to wait for when the disk is slower, else undefined */
  append(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#size += chunk.length;
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    this.gathered.total += chunk.length;
    this.gathered.gathering.add(this);
    const { full } = this.gathered;
    const enough = this.#waitingBytes >= batchSize;
    const late = performance.now() - this.#flushedAt > longestWait;
    if (!enough && !late && !full) return undefined;
    const isBehind = this.#flushing !== undefined;
    if (full) this.gathered.makeRoom();
    this.startFlush();
    if (!full && !(enough && isBehind)) return undefined;
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise.then(() => this.#throwFailure());
  }

  /** Unless one is under way. What goes wrong is told to whoever appends or waits next. */
  startFlush(): void {
    this.#flushing ??= this.#flush();
  }

  /** Waits until all bytes are with the operating system. */
  async settle(): Promise<void> {
    while (this.#flushing !== undefined || this.#waiting.length > 0) {
      this.startFlush();
      await this.#flushing;
    }
    await this.#syncing;
    this.#throwFailure();
  }

  /** Waits until nothing is under way; what was not written is forgotten. */
  async halt(): Promise<void> {
    this.#release(this.#takeWaiting().bytes);
    await this.#flushing;
    await this.#syncing;
  }

  async sync(): Promise<void> {
    try {
      await this.handle.sync();
    } catch (error) {
      this.#distrust(error);
      throw error;
    }
  }

  async #flush(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const { chunks, bytes } = this.#takeWaiting();
        this.#flushedAt = performance.now();
        this.#makeRoom();
        try {
          await writeAll(this.handle, chunks, bytes, this.#written);
        } finally {
          this.#release(bytes);
        }
        chunks.forEach(giveBack);
        this.#written += bytes;
        this.#startSync();
        const gathers = this.#waitingBytes < batchSize && this.#room === undefined;
        if (gathers && !this.gathered.full) break;
      }
    } catch (error) {
      this.#failure = translateWrite(error) as Error;
      this.#release(this.#takeWaiting().bytes);
    } finally {
      this.#flushing = undefined;
      this.#makeRoom();
    }
  }

  #takeWaiting(): { chunks: Uint8Array[]; bytes: number } {
    const taken = { chunks: this.#waiting, bytes: this.#waitingBytes };
    this.gathered.gathering.delete(this);
    this.#waiting = [];
    this.#waitingBytes = 0;
    return taken;
  }

  #release(bytes: number): void {
    this.gathered.total -= bytes;
  }

  #makeRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  #startSync(): void {
    if (this.#syncing !== undefined || this.#written - this.#syncedAt < syncEvery) return;
    this.#syncedAt = this.#written;
    this.#syncing = this.handle.datasync().then(
      () => (this.#syncing = undefined),
      (error: unknown) => this.#distrust(error),
    );
  }

  /** A failed fsync marks the pages clean: asking again would say that all is well. */
  #distrust(error: unknown): void {
    this.#trusted = false;
    this.#failure ??= translateWrite(error) as Error;
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

async function writeAll(
  handle: FileHandle,
  chunks: Uint8Array[],
  bytes: number,
  position: number,
): Promise<void> {
  const { bytesWritten } = await handle.writev(chunks, position);
  if (bytesWritten === bytes) return;
  const rest = Buffer.concat(chunks, bytes).subarray(bytesWritten);
  for (let done = 0; done < rest.length;) {
    const result = await handle.write(
      rest,
      done,
      rest.length - done,
      position + bytesWritten + done,
    );
    done += result.bytesWritten;
  }
}
