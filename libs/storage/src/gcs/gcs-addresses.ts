import { LRUCache } from 'lru-cache';

import type { AddressRequest } from '../storage-driver.js';
import type { GcsCalls } from './gcs-calls.js';

const usualLifetime = 20 * 60_000;
/** An address is given again for a quarter of its life, and for so long at most: without a private key at hand each is signed by a call to Google. */
const longestKept = 5 * 60_000;
const longestSigning = 10_000;

/** Addresses that carry the right to read one object for a while. */
export class GcsAddresses {
  readonly #kept = new LRUCache<string, Promise<string | undefined>>({
    max: 5000,
    ttl: longestKept,
  });

  constructor(private readonly calls: GcsCalls) {}

  /** Undefined where nothing here can sign, and for HEAD: the signature covers the method. */
  async of(
    name: string,
    { method, lifetime = usualLifetime }: AddressRequest,
  ): Promise<string | undefined> {
    if (method === 'HEAD') return undefined;
    let address = this.#kept.get(name);
    if (address === undefined) {
      address = this.#sign(name, lifetime);
      this.#kept.set(name, address, { ttl: Math.min(longestKept, lifetime / 4) });
    }
    return address;
  }

  async #sign(name: string, lifetime: number): Promise<string | undefined> {
    try {
      const file = this.calls.account.sdk.bucket(this.calls.bucket).file(name);
      const expires = Date.now() + lifetime;
      const signed = file.getSignedUrl({ version: 'v4', action: 'read', expires });
      return await inTime(signed.then(([address]) => address));
    } catch {
      // Nobody may sign for this identity; the registry sends the bytes itself.
      return undefined;
    }
  }
}

/** The library's own calls to Google may wait for ever. */
async function inTime<T>(signing: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, longestSigning, undefined);
  });
  return Promise.race([signing, over]).finally(() => clearTimeout(timer));
}
