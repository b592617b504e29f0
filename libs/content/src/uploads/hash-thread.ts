import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

import type { DigestAlgorithm } from '#oci/digest.js';

import {
  type HashOrder,
  type HashReport,
  type HashSoFar,
  slotCount,
  slotSize,
} from './hash-messages.js';

/** Beside this file, compiled or not as this one is. */
const program = new URL(`./hash-worker${extname(import.meta.url)}`, import.meta.url);
const limits = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 };

/**
 * A thread that hashes, and the memory that it shares with this one: 1 MiB, whatever is hashed. Where the thread dies every
 * hash that it had is lost, which costs whoever needs it the time to read the bytes again.
 */
export class HashThread {
  /** Hashes that it has. */
  load = 0;
  readonly #worker: Worker;
  readonly #memory = Buffer.from(new SharedArrayBuffer(slotCount * slotSize));
  readonly #free = Array.from({ length: slotCount }, (_, index) => index);
  /** Who has bytes and no place for them, in the order in which they came. */
  readonly #waiting: ((slot: number | undefined) => void)[] = [];
  readonly #finishing = new Map<number, (soFar: HashSoFar | undefined) => void>();
  #alive = true;
  #ids = 0;

  constructor() {
    const workerData = { memory: this.#memory.buffer, slotSize };
    this.#worker = new Worker(program, { workerData, resourceLimits: limits });
    this.#worker.unref();
    this.#worker.on('message', (report: HashReport) => this.#onReport(report));
    this.#worker.on('error', () => this.#onEnd()).on('exit', () => this.#onEnd());
  }

  get alive(): boolean {
    return this.#alive;
  }

  begin(algorithm: DigestAlgorithm, saved: Uint8Array | undefined): number {
    const id = ++this.#ids;
    this.load++;
    this.#order({ kind: 'begin', id, algorithm, saved });
    return id;
  }

  /**
   * Copies the bytes to be hashed.
   * @returns a promise to wait for, before the bytes change and before the next call, where there is no room for them yet
   */
  update(id: number, bytes: Uint8Array): Promise<void> | undefined {
    if (bytes.length > slotSize) return this.#updateInPieces(id, bytes);
    if (!this.#alive) return undefined;
    const slot = this.#waiting.length > 0 ? undefined : this.#free.pop();
    if (slot === undefined) return this.#updateLater(id, bytes);
    this.#fill(id, slot, bytes);
    return undefined;
  }

  /** Of all bytes that it was given; undefined where it cannot tell. */
  finish(id: number): Promise<HashSoFar | undefined> {
    this.load--;
    if (!this.#alive) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#finishing.set(id, resolve);
      this.#order({ kind: 'finish', id });
    });
  }

  drop(id: number): void {
    this.load--;
    this.#order({ kind: 'drop', id });
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  async #updateInPieces(id: number, bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.length; start += slotSize) {
      const later = this.update(id, bytes.subarray(start, start + slotSize));
      if (later !== undefined) await later;
    }
  }

  async #updateLater(id: number, bytes: Uint8Array): Promise<void> {
    const slot = await new Promise<number | undefined>((resolve) => this.#waiting.push(resolve));
    if (slot !== undefined) this.#fill(id, slot, bytes);
  }

  #fill(id: number, slot: number, bytes: Uint8Array): void {
    this.#memory.set(bytes, slot * slotSize);
    this.#order({ kind: 'update', id, slot, size: bytes.length });
  }

  #order(order: HashOrder): void {
    if (this.#alive) this.#worker.postMessage(order);
  }

  #onReport(report: HashReport): void {
    if (report.kind === 'free') {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(report.slot);
      else next(report.slot);
      return;
    }
    this.#finishing.get(report.id)?.(report.soFar);
    this.#finishing.delete(report.id);
  }

  #onEnd(): void {
    this.#alive = false;
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
    for (const resolve of this.#finishing.values()) resolve(undefined);
    this.#finishing.clear();
  }
}
