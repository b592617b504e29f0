import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';

import type { ObjectBody } from './object-store.js';
import { type PartMemory, slabSize, type Spillable } from './part-memory.js';
import { type SpoolFolder, spoolFailure } from './spool-folder.js';

const fileChunk = 64 * 1024;

/**
 * Bytes that come in and stay until the store has acknowledged them: in memory, or in a file when others need that.
 *
 * What it gives out is that memory itself: copies would be left to the collector, which marks the whole heap for every few
 * dozen MB of them. So it is used again only where it was given out once and all of it has arrived; else a connection that
 * somebody gave up may still hold it.
 */
export class PartBuffer implements ObjectBody, Spillable {
  #size = 0;
  #slabs: Buffer[] = [];
  #file: FileHandle | undefined;
  #spilling: Promise<void> | undefined;
  #sealed = false;
  #released = false;
  /** How often its memory was given out. */
  #lent = 0;

  constructor(
    private readonly memory: PartMemory,
    private readonly spool: SpoolFolder,
  ) {}

  get size(): number {
    return this.#size;
  }

  /** @returns a promise to wait for when there is no memory left, else undefined */
  append(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#spilling !== undefined) return this.#appendSlowly(chunk);
    const taken = this.#fill(chunk);
    if (taken < chunk.length) return this.#appendSlowly(chunk.subarray(taken));
    return undefined;
  }

  /** Nothing more comes: it keeps the place where it is. */
  seal(): void {
    if (this.#sealed) return;
    this.#sealed = true;
    this.memory.seal(this, this.#slabs.length);
  }

  open(): Uint8Array | Readable {
    if (this.#spilling === undefined && this.#size <= slabSize) {
      this.#requireKept();
      return Uint8Array.prototype.slice.call(this.#slabs[0] ?? empty, 0, this.#size);
    }
    return Readable.from(this.#chunks(), { objectMode: false, highWaterMark: fileChunk });
  }

  async *look(): AsyncGenerator<Uint8Array> {
    // What is about to move would be somebody else's memory before it was looked at.
    await this.#spilling?.catch(() => undefined);
    let space: Buffer | undefined;
    for (let start = 0; start < this.#size;) {
      this.#requireKept();
      const file = this.#file;
      const chunk =
        file === undefined
          ? (this.#slabs[start / slabSize] as Buffer).subarray(0, this.#size - start)
          : await this.#read(file, start, (space ??= Buffer.allocUnsafeSlow(fileChunk)));
      start += chunk.length;
      yield chunk;
    }
  }

  spill(): Promise<void> {
    this.#spilling ??= this.#moveToFile().catch((error: unknown) => {
      this.#spilling = undefined;
      throw error;
    });
    return this.#spilling;
  }

  /**
   * Forgets the bytes.
   * @param arrived whether the store acknowledged all of them
   */
  async release(arrived: boolean): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    this.memory.leave(this);
    await this.#spilling?.catch(() => undefined);
    this.#giveBack(this.#lent === 0 || (this.#lent === 1 && arrived));
    await this.#file?.close();
  }

  /** @returns how many bytes found memory */
  #fill(chunk: Uint8Array): number {
    let taken = 0;
    while (taken < chunk.length) {
      const used = this.#size % slabSize;
      if (used === 0 && this.#size === this.#slabs.length * slabSize) {
        const slab = this.memory.take();
        if (slab === undefined) break;
        this.#slabs.push(slab);
      }
      const slab = this.#slabs.at(-1) as Buffer;
      const some = chunk.subarray(taken, taken + slabSize - used);
      slab.set(some, used);
      this.#size += some.length;
      taken += some.length;
    }
    this.memory.written(this);
    return taken;
  }

  async #appendSlowly(chunk: Uint8Array): Promise<void> {
    let rest = chunk;
    while (rest.length > 0) {
      await this.#spilling;
      this.#requireKept();
      if (this.#file !== undefined) {
        await this.#write(this.#file, rest);
        return;
      }
      rest = rest.subarray(this.#fill(rest));
      if (rest.length > 0) await this.memory.makeRoom(this);
    }
  }

  async #moveToFile(): Promise<void> {
    const file = await this.spool.create();
    try {
      const bytes = this.#size;
      for (let start = 0; start < bytes; start += slabSize) {
        const slab = this.#slabs[start / slabSize] as Buffer;
        await this.#writeAt(file, slab.subarray(0, bytes - start), start);
      }
    } catch (error) {
      await file.close();
      throw error;
    }
    this.#file = file;
    this.#giveBack(this.#lent === 0);
  }

  #giveBack(reusable: boolean): void {
    this.memory.giveBack({ slabs: this.#slabs.splice(0), sealed: this.#sealed, reusable });
  }

  async #write(file: FileHandle, chunk: Uint8Array): Promise<void> {
    await this.#writeAt(file, chunk, this.#size);
    this.#size += chunk.length;
  }

  async #writeAt(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
    try {
      for (let done = 0; done < chunk.length;) {
        const { bytesWritten } = await file.write(chunk, done, undefined, position + done);
        done += bytesWritten;
      }
    } catch (error) {
      throw spoolFailure(this.spool.path, error);
    }
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    this.#lent++;
    for (let start = 0; start < this.#size;) {
      this.#requireKept();
      const chunk =
        this.#file === undefined
          ? (this.#slabs[start / slabSize] as Buffer).subarray(0, this.#size - start)
          : await this.#read(this.#file, start, Buffer.allocUnsafeSlow(fileChunk));
      start += chunk.length;
      yield chunk;
    }
  }

  async #read(file: FileHandle, start: number, space: Buffer): Promise<Uint8Array> {
    const { bytesRead } = await file.read(space, 0, space.length, start);
    if (bytesRead === 0) throw spoolFailure(this.spool.path, 'it lost bytes');
    return space.subarray(0, bytesRead);
  }

  #requireKept(): void {
    if (this.#released) throw new Error('these bytes were given up');
  }
}

const empty = Buffer.alloc(0);
