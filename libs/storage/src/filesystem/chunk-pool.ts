const largeSize = 256 * 1024;
const smallSize = 32 * 1024;

/** Large chunks that are out at once, in bytes: enough for 64 readers that keep two each. The 65th reads in small ones. */
const mostLarge = 32 * 1024 * 1024;
const mostSpare = 32;

/** Memory for reading, shared by all readers of a process: large chunks for the fast, small ones for whom none is left. */
class ChunkPool {
  readonly #spare = new Map<number, Buffer[]>([
    [largeSize, []],
    [smallSize, []],
  ]);
  #largeOut = 0;

  take(wanted: 'large' | 'small'): Buffer {
    const isLarge = wanted === 'large' && this.#largeOut + largeSize <= mostLarge;
    if (isLarge) this.#largeOut += largeSize;
    const size = isLarge ? largeSize : smallSize;
    return this.#spare.get(size)?.pop() ?? Buffer.allocUnsafeSlow(size);
  }

  giveBack(chunk: Buffer): void {
    if (chunk.length === largeSize) this.#largeOut -= largeSize;
    const spare = this.#spare.get(chunk.length);
    if (spare !== undefined && spare.length < mostSpare) spare.push(chunk);
  }
}

export const chunks = new ChunkPool();
