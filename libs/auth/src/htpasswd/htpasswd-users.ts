import { createHmac, randomBytes } from 'node:crypto';

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
  readonly #costs: readonly number[];
  readonly #key = randomBytes(32);

  private constructor(
    private readonly hashes: ReadonlyMap<string, BcryptHash>,
    readonly refused: readonly RefusedLine[],
  ) {
    this.#costs = Array.from(hashes.values(), ({ cost }) => cost);
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

  /** What to check instead for a user who is not in the file: always the same for one name, and of a cost that is in the file. */
  dummyFor(user: string): BcryptHash {
    const number = createHmac('sha256', this.#key).update(user).digest().readUInt32BE();
    return BcryptHash.dummy(this.#costs[number % this.#costs.length]);
  }
}

/** Printable Unicode without a colon, 255 bytes at most. */
export function isUserName(text: string): boolean {
  return text !== '' && Buffer.byteLength(text) <= maximumUserBytes && !/[\p{Cc}:]/u.test(text);
}

function printable(text: string): string {
  return text.slice(0, 64).replace(/\p{C}/gu, '?');
}
