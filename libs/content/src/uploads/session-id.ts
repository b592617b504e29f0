import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

import type { RepositoryName } from '#oci/repository-name.js';

const idPattern = /^[0-9a-f]{48}$/;
const bodyLength = 32;

/**
 * A session id is 10 random bytes, its time of birth (6 bytes, milliseconds since 1970) and 8 bytes of a MAC over both, the
 * repository and the subject, in hex. So an id alone shows that we issued it, and for whom: starting a session writes nothing.
 * What differs most comes first: a bucket shares its load out by the beginnings of keys, and all uploads of an hour began
 * in the same hour.
 */
export function newSessionId(
  secret: string,
  owner: { name: RepositoryName; subject: string },
  now: number,
): string {
  const born = Buffer.alloc(6);
  born.writeUIntBE(now, 0, 6);
  const body = Buffer.concat([randomBytes(10), born]).toString('hex');
  return body + macOf(secret, body, owner);
}

/** Whether one of the secrets made this id for this repository and subject. */
export function isSessionId(
  secrets: readonly string[],
  id: string,
  owner: { name: RepositoryName; subject: string },
): boolean {
  if (!idPattern.test(id)) return false;
  const body = id.slice(0, bodyLength);
  const mac = Buffer.from(id.slice(bodyLength));
  return secrets.some((secret) => timingSafeEqual(Buffer.from(macOf(secret, body, owner)), mac));
}

/** Milliseconds since 1970. */
export function birthOf(id: string): number {
  return Number.parseInt(id.slice(20, 32), 16);
}

function macOf(
  secret: string,
  body: string,
  { name, subject }: { name: RepositoryName; subject: string },
): string {
  return createHmac('sha256', secret)
    .update(`session\0${body}\0${name}\0${subject}`)
    .digest('hex')
    .slice(0, 16);
}
