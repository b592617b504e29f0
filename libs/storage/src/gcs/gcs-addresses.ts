import { LRUCache } from 'lru-cache';

import type { GcsCalls } from './gcs-calls.js';

const lifetime = 20 * 60_000;
/** An address is given again for so long: without a private key at hand each is signed by a call to Google. */
const kept = 5 * 60_000;

/** Addresses that carry the right to read one object for a while. */
export class GcsAddresses {
  readonly #kept = new LRUCache<string, Promise<string | undefined>>({ max: 5000, ttl: kept });

  constructor(private readonly calls: GcsCalls) {}

  /** Undefined where nothing here can sign, and for HEAD: the signature covers the method. */
  async of(name: string, method: 'GET' | 'HEAD'): Promise<string | undefined> {
    if (method === 'HEAD') return undefined;
    let address = this.#kept.get(name);
    if (address === undefined) {
      address = this.#sign(name);
      this.#kept.set(name, address);
    }
    return address;
  }

  async #sign(name: string): Promise<string | undefined> {
    try {
      const file = this.calls.account.sdk.bucket(this.calls.bucket).file(name);
      const expires = Date.now() + lifetime;
      const [address] = await file.getSignedUrl({ version: 'v4', action: 'read', expires });
      return address;
    } catch {
      // Nobody may sign for this identity; the registry sends the bytes itself.
      return undefined;
    }
  }
}
