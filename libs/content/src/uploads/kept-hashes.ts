import type { Hash } from 'node:crypto';

import { LRUCache } from 'lru-cache';

import type { DigestAlgorithm } from '#oci/digest.js';
import type { UploadedParts } from '#storage/upload-area.js';

export interface RunningHash {
  readonly algorithm: DigestAlgorithm;
  readonly hash: Hash;
}

/**
 * Hashes of uploads that are under way in this process, by the parts that they have seen. Another process, or this one
 * after a restart, reads the parts again when the upload is committed.
 */
export class KeptHashes {
  readonly #hashes = new LRUCache<string, RunningHash>({ max: 2_000, ttl: 60 * 60 * 1000 });

  keep(parts: UploadedParts, running: RunningHash): void {
    this.#hashes.set(keyOfParts(parts), running);
  }

  /** A copy to go on with: the kept one stays for a request that has to begin again from the same parts. */
  copy(parts: UploadedParts): RunningHash | undefined {
    const kept = this.#hashes.get(keyOfParts(parts));
    return kept && { algorithm: kept.algorithm, hash: kept.hash.copy() };
  }

  forget(parts: UploadedParts | undefined): void {
    if (parts !== undefined) this.#hashes.delete(keyOfParts(parts));
  }
}

export function keyOfParts({ size, token }: UploadedParts): string {
  return `${size}:${token}`;
}
