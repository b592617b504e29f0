import { createHash, type Hash } from 'node:crypto';

import { DigestInvalid } from './errors.js';

const hexLength = { sha256: 64, sha512: 128 } as const;

export type DigestAlgorithm = keyof typeof hexLength;

/** A content address such as `sha256:e3b0c4…`. Two equal digests name the same bytes. */
export class Digest {
  readonly #text: string;

  private constructor(
    readonly algorithm: DigestAlgorithm,
    readonly hex: string,
  ) {
    this.#text = `${algorithm}:${hex}`;
  }

  /** @throws {DigestInvalid} unless `text` is a registered algorithm and as many lower-case hex digits as it has (image-spec, §"Digests"). */
  static parse(text: string): Digest {
    const digest = Digest.tryParse(text);
    if (digest === undefined) {
      throw new DigestInvalid(
        'provided digest is not valid: expected sha256: or sha512: and lower-case hex digits',
        { digest: text.slice(0, 200) },
      );
    }
    return digest;
  }

  static tryParse(text: string): Digest | undefined {
    const colon = text.indexOf(':');
    const algorithm = text.slice(0, colon);
    if (colon < 0 || !isDigestAlgorithm(algorithm)) return undefined;
    if (text.length !== colon + 1 + hexLength[algorithm]) return undefined;
    for (let index = colon + 1; index < text.length; index++) {
      const char = text.charCodeAt(index);
      const isHexDigit = (char >= 0x30 && char <= 0x39) || (char >= 0x61 && char <= 0x66);
      if (!isHexDigit) return undefined;
    }
    return new Digest(algorithm, text.slice(colon + 1));
  }

  static of(content: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
    return Digest.from(createHash(algorithm).update(content), algorithm);
  }

  static from(hash: Hash, algorithm: DigestAlgorithm): Digest {
    return new Digest(algorithm, hash.digest('hex'));
  }

  equals(other: Digest): boolean {
    return this.#text === other.#text;
  }

  toString(): string {
    return this.#text;
  }

  toJSON(): string {
    return this.#text;
  }
}

export function isDigestAlgorithm(text: string): text is DigestAlgorithm {
  return Object.hasOwn(hexLength, text);
}
