import { setTimeout as sleep } from 'node:timers/promises';

import { LRUCache } from 'lru-cache';

import type { Digest } from '#oci/digest.js';
import type { RepositoryName } from '#oci/repository-name.js';

/** For so long after somebody began to look at a link, or to write it, it counts as there (milliseconds). */
const goodFor = 300;

/** What a removal waits beyond that: clocks of two machines run a little differently (milliseconds). */
const margin = 50;

const mostKept = 10_000;

/**
 * Links of repositories to blobs that this process saw in the storage a moment ago, for the manifest that is pushed after
 * its blobs. The removals of others are not noticed; so a removal waits until nobody trusts what was seen before it, and only
 * then answers (`docs/adr/0026-a-link-that-was-just-seen.md`).
 */
export class SeenLinks {
  readonly #began = new LRUCache<string, number>({ max: mostKept });

  constructor(private readonly now: () => number = () => performance.now()) {}

  has(name: RepositoryName, digest: Digest): boolean {
    const began = this.#began.get(keyOf(name, digest));
    return began !== undefined && this.now() - began < goodFor;
  }

  /** What it looks at, or writes, is there if `look` says so. */
  async note(name: RepositoryName, digest: Digest, look: () => Promise<boolean>): Promise<boolean> {
    const began = this.now();
    const there = await look();
    if (there) this.#began.set(keyOf(name, digest), began);
    return there;
  }

  /** To be waited for between a removal and its answer. */
  async outlast(): Promise<void> {
    await sleep(goodFor + margin);
  }
}

function keyOf(name: RepositoryName, digest: Digest): string {
  return `${name} ${digest.toString()}`;
}
