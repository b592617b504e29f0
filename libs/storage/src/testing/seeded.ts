import { createHash } from 'node:crypto';

/** Random choices that a seed repeats. */
export class Seeded {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 up to, and without, `end`. */
  below(end: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * end);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  bytes(length: number): Buffer {
    const block = createHash('sha512')
      .update(String(this.below(2 ** 31)))
      .digest();
    return Buffer.alloc(length, block);
  }

  /** Lets other work go on for a random, short while. */
  async pause(): Promise<void> {
    for (let turns = this.below(6); turns > 0; turns--) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
