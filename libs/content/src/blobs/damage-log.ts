import { LRUCache } from 'lru-cache';

import type { Digest } from '#oci/digest.js';
import type { Log } from '#telemetry/log.js';

const reasons = {
  size: 'it has another size',
  digest: 'its bytes have another digest',
  mark: 'it was found to be damaged before',
};

export type Damage = keyof typeof reasons;

/** Names damaged blobs in the log: each once, until it is whole again. */
export class DamageLog {
  readonly #named = new LRUCache<string, true>({ max: 1000 });

  constructor(private readonly log: Pick<Log, 'error'> | undefined) {}

  name(digest: Digest, damage: Damage): void {
    if (this.#named.has(digest.toString())) return;
    this.#named.set(digest.toString(), true);
    this.log?.error(
      { digest: digest.toString(), reason: reasons[damage] },
      'a stored blob is damaged: clients are told that it is missing until it is pushed again',
    );
  }

  forget(digest: Digest): void {
    this.#named.delete(digest.toString());
  }
}
