import { availableParallelism } from 'node:os';

import type { DigestAlgorithm } from '#oci/digest.js';

import type { HashSoFar } from './hash-messages.js';
import { HashThread } from './hash-thread.js';

/** As many as can be of use beside the other processes of a machine. */
const mostThreads = availableParallelism() > 2 ? 2 : 1;

/** A hash in the middle of its bytes, as the upload state carries it. */
export interface SavedHash {
  readonly algorithm: DigestAlgorithm;
  readonly saved: Uint8Array;
}

/** Bytes that are being hashed elsewhere. `finish` or `drop` ends it. */
export interface TravelingHash {
  /**
   * Takes a copy of the bytes.
   * @returns a promise to wait for, before the bytes change and before the next call, where hashing is slower than they come
   */
  update(bytes: Uint8Array): Promise<void> | undefined;
  /** Undefined where the hash was lost: the bytes must be read again. */
  finish(): Promise<HashSoFar | undefined>;
  drop(): void;
}

/**
 * Hashes whose state can be saved, so that another process goes on with them: for uploads of several requests that no
 * process can read again at a fair price. A quarter as fast as Node's own, and therefore in threads of their own, which
 * begin with the first such upload.
 */
export class TravelingHashes {
  readonly #threads: HashThread[] = [];

  begin(algorithm: DigestAlgorithm, saved?: Uint8Array): TravelingHash {
    const thread = this.#thread();
    const id = thread.begin(algorithm, saved);
    return {
      update: (bytes) => thread.update(id, bytes),
      finish: () => thread.finish(id),
      drop: () => thread.drop(id),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.splice(0).map((thread) => thread.close()));
  }

  #thread(): HashThread {
    const alive = this.#threads.filter((thread) => thread.alive);
    this.#threads.splice(0, Infinity, ...alive);
    const [idlest] = alive.toSorted((one, other) => one.load - other.load);
    if (idlest !== undefined && (idlest.load === 0 || alive.length >= mostThreads)) return idlest;
    const thread = new HashThread();
    this.#threads.push(thread);
    return thread;
  }
}
