import { Readable } from 'node:stream';

export interface SteadyStreamOptions {
  /** Offset of the first byte, and how many are wanted. */
  readonly start: number;
  readonly length: number;
  /** The same bytes again from this offset on; reliable, as every method of an object store. */
  readonly reopen: (offset: number) => Promise<Readable>;
  /** Milliseconds without a byte, while one is waited for, that are taken for a broken connection. */
  readonly patience?: number;
}

/**
 * Bytes out of a store over connections that may break, be cut short or fall silent: then it goes on over another one,
 * where it was. It gives exactly the bytes that were asked for, or fails.
 */
export class SteadyStream extends Readable {
  #source: Readable;
  #given = 0;
  #timer: NodeJS.Timeout | undefined;
  #vainReopenings = 0;
  #reopening = false;

  constructor(
    first: Readable,
    private readonly options: SteadyStreamOptions,
  ) {
    super({ highWaterMark: readAhead });
    this.#source = first;
    this.#follow(first);
  }

  override _read(): void {
    if (this.#given === this.options.length) {
      this.push(null);
      return;
    }
    this.#timer ??= setTimeout(
      () => this.#broken(new Error('the storage stopped sending')),
      this.options.patience ?? 20_000,
    );
    this.#source.resume();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#stopTimer();
    this.#source.destroy();
    callback(error);
  }

  #follow(source: Readable): void {
    this.#source = source;
    source.on('data', (chunk: Buffer) => this.#take(source, chunk));
    source.on('error', (error) => source === this.#source && this.#broken(error));
    source.on('close', () => source === this.#source && this.#broken());
    source.on('end', () => source === this.#source && this.#broken());
    source.pause();
  }

  #take(source: Readable, chunk: Buffer): void {
    if (source !== this.#source || this.destroyed) return;
    const wanted = chunk.subarray(0, this.options.length - this.#given);
    this.#given += wanted.length;
    this.#vainReopenings = 0;
    this.#stopTimer();
    const room = wanted.length === 0 || this.push(wanted);
    if (this.#given === this.options.length) {
      source.pause();
      this.push(null);
    } else if (room) this._read();
    else source.pause();
  }

  #broken(error: Error = new Error('the storage sent less than it said')): void {
    if (this.#reopening || this.destroyed || this.#given === this.options.length) return;
    this.#stopTimer();
    const source = this.#source;
    if (++this.#vainReopenings > mostVainReopenings) {
      this.destroy(error);
      return;
    }
    source.destroy();
    void this.#reopen(error);
  }

  async #reopen(reason: Error): Promise<void> {
    this.#reopening = true;
    try {
      const next = await this.options.reopen(this.options.start + this.#given);
      if (this.destroyed) {
        next.on('error', () => undefined);
        next.destroy();
        return;
      }
      this.#follow(next);
    } catch (failure) {
      this.destroy(failure instanceof Error ? failure : reason);
      return;
    } finally {
      this.#reopening = false;
    }
    // Who asked for bytes meanwhile waited for the store to open, which has bounds of its own.
    this.#stopTimer();
    this._read();
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/**
 * Nothing: the connection holds what it brought next, and the kernel what came after that. Thousands of slow readers would
 * have more each, and a fast one is no faster for it.
 */
const readAhead = 0;

/** Connections in a row that bring no byte at all. */
const mostVainReopenings = 4;
