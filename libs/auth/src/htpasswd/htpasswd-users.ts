import { createHmac } from 'node:crypto';

import { BcryptHash } from './bcrypt-hash.js';

export const maximumUserBytes = 255;

/** A line that lets nobody in. The file stays usable. */
export interface RefusedLine {
  readonly line: number;
  readonly user: string;
  readonly reason: string;
}

/** The text is not an htpasswd file. */
export class HtpasswdInvalid extends Error {
  override readonly name = 'HtpasswdInvalid';
}

/** The accounts of one htpasswd file. */
export class HtpasswdUsers {
  /** How many accounts have each. */
  readonly #costs = new Map<number, number>();
  /** Nobody knows it who has not read the file, and few edits change it: what is secret in the first of all hashes. */
  readonly #key: string;

  private constructor(
    private readonly hashes: ReadonlyMap<string, BcryptHash>,
    readonly refused: readonly RefusedLine[],
  ) {
    let first = '';
    for (const hash of hashes.values()) {
      this.#costs.set(hash.cost, (this.#costs.get(hash.cost) ?? 0) + 1);
      if (first === '' || hash.secret < first) first = hash.secret;
    }
    this.#key = first;
  }

  /**
   * One `user:hash` per line; blank lines and lines that begin with `#` are skipped. As Apache does, what follows a second colon is a
   * comment. As Distribution does (and Apache does not), the last of several lines for one user counts.
   *
   * @throws {HtpasswdInvalid} when a line has no colon
   */
  static parse(text: string): HtpasswdUsers {
    const accounts = new Map<string, { hash: BcryptHash; line: number }>();
    const refused: RefusedLine[] = [];
    for (const [index, raw] of text
      .replace(/^\uFEFF/, '')
      .split('\n')
      .entries()) {
      const content = raw.trim();
      if (content === '' || content.startsWith('#')) continue;
      const line = index + 1;
      const [user, hashText] = content.split(':', 2);
      if (user === undefined || hashText === undefined) {
        throw new HtpasswdInvalid(`line ${line} is not of the form user:hash`);
      }
      const refuse = (refusedLine: number, reason: string) =>
        refused.push({ line: refusedLine, user: printable(user), reason });
      const earlier = accounts.get(user);
      if (earlier !== undefined) refuse(earlier.line, `overridden by line ${line}`);
      accounts.delete(user);
      const hash = BcryptHash.parse(hashText);
      if (!isUserName(user)) {
        refuse(line, 'the user name is empty, too long or has control characters');
      } else if (typeof hash === 'string') {
        refuse(line, `only bcrypt is accepted, not ${hash}`);
      } else {
        accounts.set(user, { hash, line });
      }
    }
    const hashes = new Map(Array.from(accounts, ([user, { hash }]) => [user, hash]));
    return new HtpasswdUsers(hashes, refused);
  }

  static readonly none = new HtpasswdUsers(new Map(), []);

  get size(): number {
    return this.hashes.size;
  }

  find(user: string): BcryptHash | undefined {
    return this.hashes.get(user);
  }

  /**
   * What to check instead for a user who is not in the file: of a cost that is in the file, and as often. Always the same for one name, in each
   * process that has the file and after most edits (weighted rendezvous): a cost that changes would tell that there is no such account.
   */
  dummyFor(user: string): BcryptHash {
    let [chosen, highest]: [number | undefined, number] = [undefined, -1];
    for (const [cost, accounts] of this.#costs) {
      const number = createHmac('sha256', this.#key).update(`${cost}:${user}`).digest();
      const score = accounts / -Math.log((number.readUInt32BE() + 0.5) / 2 ** 32);
      if (score > highest) [chosen, highest] = [cost, score];
    }
    return BcryptHash.dummy(chosen);
  }
}

/** Printable Unicode without a colon, 255 bytes at most. */
export function isUserName(text: string): boolean {
  return text !== '' && Buffer.byteLength(text) <= maximumUserBytes && !/[\p{Cc}:]/u.test(text);
}

function printable(text: string): string {
  return text.slice(0, 64).replace(/\p{C}/gu, '?');
}
