import { setTimeout as delay } from 'node:timers/promises';

import { TooManyRequests } from '#oci/errors.js';

export interface HashingLimits {
  /** How many may wait for their turn. */
  readonly waiting: number;
  /** How long one may wait, in milliseconds; its client has given up by then. */
  readonly patience: number;
}

const standardLimits: HashingLimits = { waiting: 100, patience: 10_000 };

/** How many times as long as its check the rest after a wrong password is: guessing gets a quarter of a core. */
const restFactor = 3;

interface Turn {
  readonly since: number;
  take(): void;
  refuse(error: TooManyRequests): void;
}

/**
 * Checks passwords one at a time, so that a flood of logins takes neither the thread pool from the disk nor the processor from pulls.
 * Sources take turns, and where no more may wait the one that waits most loses its latest: a flood from one place does not keep others
 * from logging in.
 */
export class HashingQueue {
  /** Who waits, by source; the first is the next. No source without a turn. */
  readonly #sources = new Map<string, Turn[]>();
  #waiting = 0;
  #busy = false;

  constructor(
    private readonly limits: HashingLimits = standardLimits,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @throws {TooManyRequests} */
  async run(check: () => Promise<boolean>, source = ''): Promise<boolean> {
    if (this.#busy) await this.#wait(source);
    this.#busy = true;
    const start = this.now();
    let matched = false;
    try {
      matched = await check();
      return matched;
    } finally {
      void this.#leave(matched ? 0 : restFactor * (this.now() - start));
    }
  }

  get waiting(): number {
    return this.#waiting;
  }

  async #wait(source: string): Promise<void> {
    if (this.#waiting >= this.limits.waiting) this.#makeRoom(source);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const turn: Turn = { since: this.now(), take: resolve, refuse: reject };
    const turns = this.#sources.get(source);
    if (turns === undefined) this.#sources.set(source, [turn]);
    else turns.push(turn);
    this.#waiting++;
    await promise;
  }

  #makeRoom(newcomer: string): void {
    let [greediest, most] = [newcomer, (this.#sources.get(newcomer)?.length ?? 0) + 1];
    for (const [source, { length }] of this.#sources) {
      if (length > most) [greediest, most] = [source, length];
    }
    const error = busy('too many wait already');
    if (greediest === newcomer) throw error;
    this.#sources.get(greediest)?.pop()?.refuse(error);
    this.#waiting--;
  }

  async #leave(rest: number): Promise<void> {
    if (rest > 0) await delay(rest, undefined, { ref: false });
    for (;;) {
      const turn = this.#next();
      if (turn === undefined) {
        this.#busy = false;
        return;
      }
      if (this.now() - turn.since <= this.limits.patience) {
        turn.take();
        return;
      }
      turn.refuse(busy('it waited too long'));
    }
  }

  /** The first of the first source, which then stands last. */
  #next(): Turn | undefined {
    for (const [source, turns] of this.#sources) {
      this.#sources.delete(source);
      const turn = turns.shift();
      if (turns.length > 0) this.#sources.set(source, turns);
      if (turn !== undefined) this.#waiting--;
      return turn;
    }
    return undefined;
  }
}

function busy(reason: string): TooManyRequests {
  return new TooManyRequests('too many logins at once: try again in a few seconds', { reason });
}
