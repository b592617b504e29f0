import { createHmac, createSecretKey, randomBytes } from 'node:crypto';

import { LRUCache } from 'lru-cache';

import { TooManyRequests } from '#oci/errors.js';

import type { BasicCredentials } from './basic-credentials.js';
import type { BcryptHash } from './bcrypt-hash.js';
import { HashingQueue } from './hashing-queue.js';
import type { HtpasswdUsers } from './htpasswd-users.js';
import type { Source } from './source.js';

const keptCredentials = 4096;

/** Milliseconds since their last use. */
const keptFor = 5 * 60_000;

/**
 * Checks passwords against a file's accounts. Credentials that were right are remembered until five minutes after their last use, by a MAC
 * under a key that only this process has, over the hash too: once the file says something else they are forgotten.
 */
export class PasswordVerifier {
  /** As an object: from bytes Node would set the key up again for each request, which takes five times as long. */
  readonly #key = createSecretKey(randomBytes(32));
  readonly #verified = new LRUCache<string, true>({
    max: keptCredentials,
    ttl: keptFor,
    updateAgeOnGet: true,
  });
  readonly #underWay = new Map<string, Promise<boolean>>();

  constructor(private readonly queue: HashingQueue = new HashingQueue()) {}

  /**
   * @param source where the credentials came from
   * @throws {TooManyRequests}
   */
  async verify(
    credentials: BasicCredentials,
    users: HtpasswdUsers,
    source: () => Source = () => [],
  ): Promise<boolean> {
    const known = users.find(credentials.user);
    const hash = known ?? users.dummyFor(credentials.user);
    const mac = this.#mac(credentials, hash);
    if (this.#verified.get(mac)) return true;
    const matches = async () => this.#verified.has(mac) || hash.matches(credentials.password);
    const check = () => this.#check(mac, () => this.queue.run(matches, source()));
    const matched = await this.#share(mac, check);
    return matched && known !== undefined;
  }

  /**
   * A shared check waits where the first who asked for it does; that this place is crowded is no reason to refuse the others. The next
   * of them asks for all who are left.
   */
  async #share(mac: string, check: () => Promise<boolean>): Promise<boolean> {
    for (;;) {
      const underWay = this.#underWay.get(mac);
      if (underWay === undefined) return check();
      try {
        return await underWay;
      } catch (error) {
        if (!(error instanceof TooManyRequests)) throw error;
      }
    }
  }

  async #check(mac: string, run: () => Promise<boolean>): Promise<boolean> {
    const check = run();
    this.#underWay.set(mac, check);
    try {
      const matched = await check;
      if (matched) this.#verified.set(mac, true);
      return matched;
    } finally {
      this.#underWay.delete(mac);
    }
  }

  #mac({ user, password }: BasicCredentials, hash: BcryptHash): string {
    return createHmac('sha256', this.#key)
      .update(`${user}\0${password}\0${hash.toString()}`)
      .digest('base64');
  }
}
