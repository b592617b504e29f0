import { giveBack } from '../give-back.js';
import type { DraftPiece, ObjectDraft, ObjectStore, StoreLimits } from './object-store.js';
import { PartBuffer } from './part-buffer.js';
import { type PartMemory, slabSize } from './part-memory.js';
import type { SpoolFolder } from './spool-folder.js';
import type { Turnstile } from './turnstile.js';

/** Pieces of one draft that are on their way while the next gathers: two keep a connection busy across its pauses. */
const mostSending = 2;

export interface PartPlace {
  readonly memory: PartMemory;
  readonly spool: SpoolFolder;
  /** Of all uploads: what is on its way takes memory too, in streams and sockets. */
  readonly sending: Turnstile;
}

/**
 * The bytes that one request brings. They gather; once they are more than one piece, the pieces go out as a draft at `key`
 * while more come. Exactly one of `put`, `complete` and `discard` ends it.
 */
export class GatheredPart {
  #size = 0;
  #piece: PartBuffer;
  #draft: Promise<ObjectDraft> | undefined;
  readonly #sending = new Set<Promise<unknown>>();
  readonly #sent: Promise<DraftPiece>[] = [];
  #failure: Error | undefined;
  #writing: Promise<void> | undefined;

  constructor(
    private readonly store: ObjectStore,
    private readonly place: PartPlace,
    readonly key: string,
    readonly writer: string,
  ) {
    this.#piece = new PartBuffer(place.memory, place.spool);
  }

  /** Bytes. */
  get size(): number {
    return this.#size;
  }

  /** Whether the draft was begun. */
  get isDraft(): boolean {
    return this.#draft !== undefined;
  }

  /** Bytes that did not become a draft. */
  get gathered(): PartBuffer {
    return this.#piece;
  }

  /** @returns a promise to wait for when the store is slower, else undefined */
  write(chunk: Uint8Array): Promise<void> | undefined {
    this.#size += chunk.length;
    if (this.#writing === undefined && this.#failure === undefined && this.#fits(chunk)) {
      const appended = this.#piece.append(chunk);
      if (appended !== undefined) return this.#queue(() => appended, chunk);
      // Who hashes it does so right after this.
      queueMicrotask(() => giveBack(chunk));
      return undefined;
    }
    return this.#queue(() => this.#writeOver(chunk), chunk);
  }

  /** All bytes as one object, at any key. */
  async put(key: string, condition: 'always' | 'absent'): Promise<string> {
    let arrived = false;
    try {
      await this.#settle();
      this.#piece.seal();
      const version = await this.#inTurn(this.#piece, () =>
        this.store.put(key, this.#piece, condition),
      );
      arrived = true;
      return version;
    } finally {
      await this.#piece.release(arrived);
    }
  }

  /** Makes the draft an object. */
  async complete(condition: 'always' | 'absent'): Promise<string> {
    await this.#settle();
    if (this.#piece.size > 0) this.#send();
    const pieces = await Promise.all(this.#sent);
    return this.store.complete(await this.#requireDraft(), pieces, condition);
  }

  /** Forgets the bytes. What the store has of them goes when it answers; nobody need wait for that. */
  async discard(): Promise<void> {
    this.#failure ??= new Error('the bytes were given up');
    await this.#writing?.catch(() => undefined);
    await this.#piece.release(false);
    await Promise.allSettled(this.#sent);
    if (this.#draft !== undefined) await this.store.discard(await this.#draft);
  }

  /** One after the other, also for who does not wait. */
  #queue(write: () => Promise<void>, chunk: Uint8Array): Promise<void> {
    const before = this.#writing;
    const writing = (before === undefined ? write() : before.then(write)).finally(() => {
      giveBack(chunk);
      if (this.#writing === writing) this.#writing = undefined;
    });
    this.#writing = writing;
    writing.catch((error: unknown) => {
      this.#failure ??= asError(error);
    });
    return writing;
  }

  #fits(chunk: Uint8Array): boolean {
    return this.#piece.size + chunk.length <= this.#pieceSize;
  }

  /** Bytes of the piece that gathers. */
  get #pieceSize(): number {
    const { limits } = this.store;
    const number = this.#sent.length + 1;
    const most = pieceSizeAt(limits, number);
    const early =
      this.place.memory.isShort && this.#sending.size < mostSending && number < stepOf(limits);
    return early ? Math.min(most, Math.max(limits.smallestPiece, this.#piece.size)) : most;
  }

  async #writeOver(chunk: Uint8Array): Promise<void> {
    for (let rest = chunk; rest.length > 0;) {
      if (this.#failure !== undefined) throw this.#failure;
      const room = this.#pieceSize - this.#piece.size;
      if (room > 0) {
        await this.#piece.append(rest.subarray(0, room));
        rest = rest.subarray(room);
        continue;
      }
      while (this.#sending.size >= mostSending) await Promise.race(this.#sending);
      this.#send();
      this.#piece = new PartBuffer(this.place.memory, this.place.spool);
    }
  }

  #send(): void {
    const piece = this.#piece;
    piece.seal();
    this.#draft ??= this.store.begin(this.key, this.writer);
    const number = this.#sent.length + 1;
    const added = this.#add(piece, this.#draft, number);
    this.#sent.push(added);
    const sending = added
      .catch((error: unknown) => {
        this.#failure ??= asError(error);
      })
      .finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
  }

  async #add(piece: PartBuffer, draft: Promise<ObjectDraft>, number: number): Promise<DraftPiece> {
    let arrived = false;
    try {
      const begun = await draft;
      const added = await this.#inTurn(piece, () => this.store.add(begun, number, piece));
      arrived = true;
      return added;
    } finally {
      await piece.release(arrived);
    }
  }

  /** What is small goes past those who wait. */
  async #inTurn<T>({ size }: PartBuffer, send: () => Promise<T>): Promise<T> {
    if (size <= slabSize) return send();
    const leave = await this.place.sending.enter();
    try {
      return await send();
    } finally {
      leave();
    }
  }

  async #settle(): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
  }

  #requireDraft(): Promise<ObjectDraft> {
    if (this.#draft === undefined) throw new Error(`no draft of ${this.key} was begun`);
    return this.#draft;
  }
}

/** Pieces of one size, after which they are twice as large. */
const doublings = 10;

/**
 * All of one size for as long as the largest draft that anybody sends is likely to be; then they grow, so that the pieces
 * which a draft may have hold the largest object.
 */
function pieceSizeAt(limits: StoreLimits, number: number): number {
  const { pieceSize, largestPiece } = limits;
  return Math.min(largestPiece, pieceSize * 2 ** Math.floor((number - 1) / stepOf(limits)));
}

/** How many pieces have one size. Only of the first of them may some be smaller, so that the largest object still fits. */
function stepOf({ mostPieces }: StoreLimits): number {
  return Math.max(1, Math.floor(mostPieces / doublings));
}

/** Bytes of the largest object that can be written piece by piece. */
export function largestDraft(limits: StoreLimits): number {
  const { mostPieces, largestObject, smallestPiece } = limits;
  let bytes = 0;
  for (let number = 1; number <= mostPieces && bytes < largestObject; number++) {
    bytes += number < stepOf(limits) ? smallestPiece : pieceSizeAt(limits, number);
  }
  return Math.min(bytes, largestObject);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
