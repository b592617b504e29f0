import { LRUCache } from 'lru-cache';

import type { UploadedParts } from '#storage/upload-area.js';

import { keyOfParts } from './kept-hashes.js';

/** How long after an upload came from another process more of them are expected (milliseconds). */
const expectedFor = 10 * 60 * 1000;

/**
 * Whether uploads go on here that another process began, as they do behind a load balancer. Where they do not, what would go
 * along with them is not worth its price.
 */
export class HandOvers {
  readonly #finishedHere = new LRUCache<string, true>({ max: 10_000, ttl: 60 * 60 * 1000 });
  #expectedUntil: number;

  /** @param always whether it is known that there are others */
  constructor(
    always: boolean,
    private readonly now: () => number,
  ) {
    this.#expectedUntil = always ? Infinity : -Infinity;
  }

  get expected(): boolean {
    return this.now() < this.#expectedUntil;
  }

  /** This process answered for these parts. */
  finished(parts: UploadedParts): void {
    this.#finishedHere.set(keyOfParts(parts), true);
  }

  /** A request goes on after these parts. */
  goesOn(parts: UploadedParts | undefined): void {
    if (parts === undefined || parts.size === 0) return;
    if (this.#finishedHere.has(keyOfParts(parts))) return;
    this.#expectedUntil = Math.max(this.#expectedUntil, this.now() + expectedFor);
  }
}
