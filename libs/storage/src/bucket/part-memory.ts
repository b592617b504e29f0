const MiB = 1024 * 1024;

/** Bytes of one piece of memory: little enough for thousands of slow clients, much enough to be sent in one go. */
export const slabSize = 64 * 1024;

/** Bytes that are still coming, and could wait elsewhere. */
export interface Spillable {
  /** Moves what it holds to a file and gives the memory back. */
  spill(): Promise<void>;
}

/** Memory that comes back. */
export interface GivenBack {
  readonly slabs: readonly Buffer[];
  /** Whether its bytes had all come. */
  readonly sealed: boolean;
  /** Whether nobody else can still see it. */
  readonly reusable: boolean;
}

/**
 * The memory that all uploads of a process share. Who finds none left waits for the store, if a good part of the memory is on its way
 * there; else takes it from the one that was written to longest ago, which goes on in a file. So a fast client never waits
 * for a slow one.
 */
export class PartMemory {
  readonly #most: number;
  readonly #spare: Buffer[] = [];
  #out = 0;
  /** Of those that are lent out: with bytes that are on their way to the store, or will soon be. */
  #sealed = 0;
  /** Those written to longest ago come first. */
  readonly #gathering = new Set<Spillable>();
  #waiting: (() => void)[] = [];

  constructor(readonly bytes: number = 32 * MiB) {
    this.#most = Math.max(1, Math.floor(bytes / slabSize));
  }

  /** Bytes that are lent out. */
  get used(): number {
    return this.#out * slabSize;
  }

  /** Whether so little is left that bytes had better leave before there are many of them. */
  get isShort(): boolean {
    return this.#out * 4 > this.#most * 3;
  }

  /** Undefined if none is left. */
  take(): Buffer | undefined {
    if (this.#out === this.#most) return undefined;
    this.#out++;
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(slabSize);
  }

  giveBack({ slabs, sealed, reusable }: GivenBack): void {
    this.#out -= slabs.length;
    if (sealed) this.#sealed -= slabs.length;
    if (reusable) this.#spare.push(...slabs);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  written(part: Spillable): void {
    this.#gathering.delete(part);
    this.#gathering.add(part);
  }

  /** Nothing more comes to it. */
  seal(part: Spillable, slabs: number): void {
    this.leave(part);
    this.#sealed += slabs;
  }

  leave(part: Spillable): void {
    this.#gathering.delete(part);
  }

  /** Waits for room for `part`, or makes some by sending another to its file, or `part` itself where it is the only one. */
  async makeRoom(part: Spillable): Promise<void> {
    if (this.#sealed * 4 >= this.#most) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      return;
    }
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
