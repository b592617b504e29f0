const MiB = 1024 * 1024;

/** Bytes of one piece of memory: little enough for thousands of slow clients, much enough to be sent in one go. */
export const slabSize = 64 * 1024;

/** Something that holds memory which it can do without. */
export interface Spillable {
  /** Moves what it holds to a file and gives the memory back. */
  spill(): Promise<void>;
}

/**
 * The memory that all uploads of a process share. Whoever finds none left takes it from the one that was written to longest
 * ago, which goes on in a file: a fast client never waits for a slow one.
 */
export class PartMemory {
  readonly #most: number;
  readonly #spare: Buffer[] = [];
  #out = 0;
  /** Those written to longest ago come first. */
  readonly #gathering = new Set<Spillable>();

  constructor(readonly bytes: number = 16 * MiB) {
    this.#most = Math.max(1, Math.floor(bytes / slabSize));
  }

  /** Bytes that are lent out. */
  get used(): number {
    return this.#out * slabSize;
  }

  /** Undefined if none is left. */
  take(): Buffer | undefined {
    if (this.#out === this.#most) return undefined;
    this.#out++;
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(slabSize);
  }

  giveBack(slabs: readonly Buffer[]): void {
    this.#out -= slabs.length;
    this.#spare.push(...slabs);
  }

  written(part: Spillable): void {
    this.#gathering.delete(part);
    this.#gathering.add(part);
  }

  /** It keeps what it holds, or holds nothing any more. */
  leave(part: Spillable): void {
    this.#gathering.delete(part);
  }

  /** Makes room for `part` by sending another to its file, or `part` itself where it is the only one. */
  async makeRoom(part: Spillable): Promise<void> {
    const [oldest = part] = this.#gathering;
    this.#gathering.delete(oldest);
    if (oldest === part) return part.spill();
    try {
      await oldest.spill();
    } catch {
      // It keeps its bytes, so that it need not suffer for the disk; whoever has no place for new bytes does.
      await part.spill();
    }
  }
}
