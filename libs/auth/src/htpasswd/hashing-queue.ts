import { setTimeout as delay } from 'node:timers/promises';

import { TooManyRequests } from '#oci/errors.js';

export interface HashingLimits {
  /** How many may wait for their turn. */
  readonly waiting: number;
  /** How long one may wait, in milliseconds; its client has given up by then. */
  readonly patience: number;
}

const standardLimits: HashingLimits = { waiting: 100, patience: 10_000 };

interface Turn {
  readonly since: number;
  take(): void;
  refuse(error: TooManyRequests): void;
}

/**
 * Checks passwords one at a time, so that a flood of logins takes neither the thread pool from the disk nor the processor from pulls.
 * A wrong password is followed by a rest as long as its check took: guessing gets half of one core at most.
 */
export class HashingQueue {
  readonly #turns: Turn[] = [];
  #busy = false;

  constructor(
    private readonly limits: HashingLimits = standardLimits,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @throws {TooManyRequests} */
  async run(check: () => Promise<boolean>): Promise<boolean> {
    if (this.#busy) await this.#wait();
    this.#busy = true;
    const start = this.now();
    let matched = false;
    try {
      matched = await check();
      return matched;
    } finally {
      void this.#leave(matched ? 0 : this.now() - start);
    }
  }

  get waiting(): number {
    return this.#turns.length;
  }

  async #wait(): Promise<void> {
    if (this.#turns.length >= this.limits.waiting) throw busy('too many wait already');
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#turns.push({ since: this.now(), take: resolve, refuse: reject });
    await promise;
  }

  async #leave(rest: number): Promise<void> {
    if (rest > 0) await delay(rest, undefined, { ref: false });
    for (;;) {
      const turn = this.#turns.shift();
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
}

function busy(reason: string): TooManyRequests {
  return new TooManyRequests('too many logins at once: try again in a few seconds', { reason });
}
