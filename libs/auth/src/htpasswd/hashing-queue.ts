import { setTimeout as delay } from 'node:timers/promises';

import { TooManyRequests } from '#oci/errors.js';

import { groupsOf, type Source } from './source.js';
import { Standings } from './standings.js';
import { Turns } from './turns.js';

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
 * Who was right, who is new and who was wrong take turns, within these the networks, and so on down to one address; where no more may
 * wait, the largest at each level loses its latest. A flood keeps others from logging in only if it has as many networks as may wait, and those
 * do not keep out who has logged in from the same place before.
 */
export class HashingQueue {
  readonly #turns = new Turns<Turn>();
  readonly #standings: Standings;
  #busy = false;

  constructor(
    private readonly limits: HashingLimits = standardLimits,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#standings = new Standings(now);
  }

  /** @throws {TooManyRequests} */
  async run(check: () => Promise<boolean>, source: Source = []): Promise<boolean> {
    if (this.#busy) await this.#wait(source);
    this.#busy = true;
    const start = this.now();
    let matched = false;
    try {
      matched = await check();
      this.#standings.note(source, matched);
      return matched;
    } finally {
      void this.#leave(matched ? 0 : restFactor * (this.now() - start));
    }
  }

  get waiting(): number {
    return this.#turns.size;
  }

  async #wait(source: Source): Promise<void> {
    const place = [this.#standings.of(source), ...groupsOf(source)];
    if (this.waiting >= this.limits.waiting) this.#makeRoomAt(place);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#turns.add(place, { since: this.now(), take: resolve, refuse: reject });
    await promise;
  }

  #makeRoomAt(place: readonly string[]): void {
    const error = busy('too many wait already');
    const displaced = this.#turns.makeRoomAt(place);
    if (displaced === undefined) throw error;
    displaced.refuse(error);
  }

  async #leave(rest: number): Promise<void> {
    if (rest > 0) await delay(rest, undefined, { ref: false });
    for (;;) {
      const turn = this.#turns.take();
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
