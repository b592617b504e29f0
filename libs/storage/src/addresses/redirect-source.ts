import { posix } from 'node:path';

import type { AddressSource } from './address-source.js';

/** Every file below one address, under the path that it has in the storage (Distribution's middleware `redirect`). */
export class RedirectSource implements AddressSource {
  constructor(private readonly baseurl: string) {}

  async addressOf(path: string): Promise<string> {
    const url = new URL(this.baseurl);
    url.pathname = posix.join('/', url.pathname, path);
    return url.href;
  }
}
