import { timingSafeEqual } from 'node:crypto';

import bcrypt from 'bcrypt';

const form = /^\$2([aby])\$(\d\d)\$([./A-Za-z0-9]{22})([./A-Za-z0-9]{31})$/;

/** The work doubles with each step: 17 is Apache's maximum and takes seconds. */
const minimumCost = 4;
const maximumCost = 17;

/** bcrypt ignores what follows, so that a longer password would be as good as its beginning. */
export const maximumPasswordBytes = 72;

/** The cost of `htpasswd -B` is 5, which is too little today; this is bcrypt's own default. */
const defaultCost = 10;

/** A password as an htpasswd file keeps it. */
export class BcryptHash {
  private constructor(
    private readonly text: string,
    readonly cost: number,
    private readonly salt: string,
    private readonly checksum: Buffer,
  ) {}

  /** @returns the hash, or why it is not one, in words that do not repeat it */
  static parse(text: string): BcryptHash | string {
    const match = form.exec(text);
    if (match === null) return nameOtherKind(text);
    const [, variant = '', digits = '', salt = '', checksum = ''] = match;
    const cost = Number(digits);
    if (cost < minimumCost || cost > maximumCost) {
      return `bcrypt with cost ${cost}, not from ${minimumCost} to ${maximumCost}`;
    }
    // 2y is what Apache and PHP call OpenBSD's 2b; the library knows the latter name only.
    const minor = variant === 'y' ? 'b' : variant;
    return new BcryptHash(text, cost, `$2${minor}$${digits}$${salt}`, Buffer.from(checksum));
  }

  static async of(password: string, cost: number = defaultCost): Promise<string> {
    return bcrypt.hash(password, cost);
  }

  /** A hash that takes as long to check as one of that cost, and that no password is known for. */
  static dummy(cost: number = defaultCost): BcryptHash {
    const salt = `$2b$${String(cost).padStart(2, '0')}$${'.'.repeat(22)}`;
    const checksum = '.'.repeat(31);
    return new BcryptHash(salt + checksum, cost, salt, Buffer.from(checksum));
  }

  /** Takes about 60 ms of one thread of the pool at cost 10. */
  async matches(password: string): Promise<boolean> {
    if (Buffer.byteLength(password) > maximumPasswordBytes) return false;
    const computed = await bcrypt.hash(password, this.salt);
    // The library's own compare is a strcmp. The salt is left out: its last digit has several spellings.
    const checksum = Buffer.from(computed.slice(-this.checksum.length));
    return checksum.length === this.checksum.length && timingSafeEqual(checksum, this.checksum);
  }

  /** All of it that can only be known from the file. */
  get secret(): string {
    return this.text.slice('$2b$10$'.length);
  }

  toString(): string {
    return this.text;
  }
}

const otherKinds: readonly (readonly [prefix: string, kind: string])[] = [
  ['$apr1$', "Apache's MD5"],
  ['$1$', 'MD5 crypt'],
  ['{SHA}', 'SHA-1'],
  ['{SSHA}', 'salted SHA-1'],
  ['$5$', 'SHA-256 crypt'],
  ['$6$', 'SHA-512 crypt'],
  ['$7$', 'scrypt'],
  ['$y$', 'yescrypt'],
  ['$argon2', 'Argon2'],
  ['$2x$', 'the faulty bcrypt variant 2x'],
  ['$2', 'damaged bcrypt'],
];

function nameOtherKind(text: string): string {
  const known = otherKinds.find(([prefix]) => text.startsWith(prefix));
  if (known !== undefined) return known[1];
  return text.length === 13 ? 'DES crypt or plain text' : 'plain text or an unknown kind';
}
