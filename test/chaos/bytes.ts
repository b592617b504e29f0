import { createCipheriv, createHash } from 'node:crypto';

import type { Seeded } from '#storage/testing/seeded.js';

/** Bytes of which no part looks like another, so that none can be in another's place unseen. */
export function bytesOf(random: Seeded, length: number): Buffer {
  const cipher = createCipheriv('aes-128-ctr', random.bytes(16), Buffer.alloc(16));
  return cipher.update(Buffer.alloc(length));
}

export function sha256(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
