import { LRUCache } from 'lru-cache';

import { nameOf, type Source } from './source.js';

/** What the last logins from somewhere say about the next. */
export type Standing = 'was right' | 'is new' | 'was wrong';

const kept = 8_192;

/** Milliseconds for which a wrong password counts; until then somebody who mistyped it stands among those who guess. */
const wrongFor = 60 * 60_000;

/**
 * Where right and wrong passwords came from lately. It knows outcomes only, and neither names nor accounts: what follows from it tells
 * nobody which accounts there are.
 */
export class Standings {
  readonly #right = new LRUCache<string, true>({ max: kept });
  readonly #wrong: LRUCache<string, true>;

  constructor(now: () => number) {
    this.#wrong = new LRUCache({ max: kept, ttl: wrongFor, ttlResolution: 0, perf: { now } });
  }

  /** One right password outweighs wrong ones: whoever knows one need not guess, and people mistype. */
  of(source: Source): Standing {
    const name = nameOf(source);
    if (this.#right.get(name)) return 'was right';
    return this.#wrong.has(name) ? 'was wrong' : 'is new';
  }

  note(source: Source, matched: boolean): void {
    const cache = matched ? this.#right : this.#wrong;
    cache.set(nameOf(source), true);
  }
}
