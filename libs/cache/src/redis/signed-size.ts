import { createHmac, timingSafeEqual } from 'node:crypto';

/** Longer than any signed size. */
export const longestSignedSize = 80;

/**
 * A size cannot be checked against its digest without the bytes, so it says who wrote it: whoever knows a secret of the
 * registry. What another writes into the same Redis is no size.
 */
export class SizeSignatures {
  /** @param secrets the first signs, all verify */
  constructor(private readonly secrets: () => readonly string[]) {}

  sign(key: string, size: number): string {
    const [secret = ''] = this.secrets();
    return `1 ${size} ${mac(secret, key, size)}`;
  }

  /** Undefined for what is not a size of this key, signed with one of the secrets. */
  verify(key: string, value: Buffer): number | undefined {
    const parts = /^1 (\d{1,15}) ([\w-]{22})$/.exec(value.toString('latin1'));
    const [, digits, signature = ''] = parts ?? [];
    const size = Number(digits);
    if (parts === null || String(size) !== digits) return undefined;
    const isOurs = this.secrets().some((secret) => equal(mac(secret, key, size), signature));
    return isOurs ? size : undefined;
  }
}

/** 128 bits. */
function mac(secret: string, key: string, size: number): string {
  const text = `holdfast cache\0${key}\0${size}`;
  return createHmac('sha256', secret).update(text).digest('base64url').slice(0, 22);
}

function equal(one: string, other: string): boolean {
  return timingSafeEqual(Buffer.from(one), Buffer.from(other));
}
