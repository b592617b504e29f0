import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

import { z } from 'zod';

import { Digest, type DigestAlgorithm } from '#oci/digest.js';
import { BlobUploadUnknown } from '#oci/errors.js';
import type { RepositoryName } from '#oci/repository-name.js';
import type { UploadedParts } from '#storage/upload-area.js';

import type { SavedHash } from './traveling-hashes.js';

/** All that is known of an upload session. It travels in the `_state` of the Location, signed; no replica keeps it. */
export interface UploadState {
  readonly name: RepositoryName;
  readonly session: string;
  /** Who began it; only they go on with it. Empty for anonymous access. */
  readonly subject: string;
  /** Undefined until the first bytes are finished. */
  readonly parts: UploadedParts | undefined;
  /** A writer that does not answer has the parts: going on copies them. */
  readonly claimed: boolean;
  /** Of all bytes so far; undefined when nobody could hash them as they passed. */
  readonly digest: Digest | undefined;
  /** To go on with the hash of all bytes so far; undefined where the storage is read again instead. */
  readonly hash?: SavedHash | undefined;
  /** What was announced at the start, to hash with. */
  readonly algorithm: DigestAlgorithm;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/** The largest token that is looked at: 2 KiB. */
const longestToken = 2048;
const macLength = 32;
const longestSubject = 64;

const algorithm = z.enum(['sha256', 'sha512']);

const payloadSchema = z.strictObject({
  n: z.string(),
  i: z.string(),
  u: z.string(),
  p: z.tuple([z.number().int().nonnegative(), z.string()]).optional(),
  c: z.literal(1).optional(),
  d: z
    .string()
    .refine((text) => Digest.tryParse(text) !== undefined)
    .optional(),
  h: z.tuple([algorithm, z.string()]).optional(),
  a: algorithm,
  e: z.number(),
});

export function offsetOf(state: UploadState): number {
  return state.parts?.size ?? 0;
}

/** Where a long name or many parts leave no room, what only saves reading the bytes again gives way. */
export function signState(secret: string, state: UploadState): string {
  let token = tokenOf(secret, state);
  for (const left of [
    { digest: undefined },
    { hash: undefined },
    { digest: undefined, hash: undefined },
  ]) {
    if (token.length <= longestToken) break;
    token = tokenOf(secret, { ...state, ...left });
  }
  return token;
}

function tokenOf(secret: string, state: UploadState): string {
  const payload: z.infer<typeof payloadSchema> = {
    n: state.name,
    i: state.session,
    u: markOf(state.subject),
    a: state.algorithm,
    e: state.expires,
    ...(state.parts && { p: [state.parts.size, state.parts.token] }),
    ...(state.claimed && { c: 1 as const }),
    ...(state.digest && { d: state.digest.toString() }),
    ...(state.hash && {
      h: [state.hash.algorithm, Buffer.from(state.hash.saved).toString('base64url')],
    }),
  };
  const body = Buffer.from(JSON.stringify(payload));
  return Buffer.concat([macOf(secret, body), body]).toString('base64url');
}

/** @throws {BlobUploadUnknown} unless one of the secrets signed it for this session, repository and subject, and it is not expired */
export function verifyState(
  secrets: readonly string[],
  token: string,
  expected: { name: RepositoryName; session: string; subject: string },
  now: number,
): UploadState {
  if (token.length > longestToken) throw new BlobUploadUnknown('the upload state is too long');
  const bytes = Buffer.from(token, 'base64url');
  const canonical = bytes.toString('base64url') === token;
  const mac = bytes.subarray(0, macLength);
  const body = bytes.subarray(macLength);
  const signed =
    canonical &&
    mac.length === macLength &&
    secrets.some((secret) => timingSafeEqual(macOf(secret, body), mac));
  if (!signed)
    throw new BlobUploadUnknown('the upload state was altered or is not from this registry');
  const payload = payloadSchema.safeParse(parseJson(body)).data;
  if (payload === undefined) throw new BlobUploadUnknown('the upload state is of another version');
  const { name, session, subject } = expected;
  if (payload.n !== name || payload.i !== session || payload.u !== markOf(subject)) {
    throw new BlobUploadUnknown('the upload state belongs to another upload');
  }
  if (payload.e < now) throw new BlobUploadUnknown('the upload state is expired');
  return {
    name,
    session,
    subject,
    parts: payload.p && { size: payload.p[0], token: payload.p[1] },
    claimed: payload.c === 1,
    digest: payload.d === undefined ? undefined : Digest.parse(payload.d),
    hash: payload.h && { algorithm: payload.h[0], saved: Buffer.from(payload.h[1], 'base64url') },
    algorithm: payload.a,
    expires: payload.e,
  };
}

/** An account's name may be as long as a header, and the state may not. That an id is for this account its own MAC tells. */
function markOf(subject: string): string {
  if (subject.length <= longestSubject) return subject;
  return `#${createHash('sha256').update(subject).digest('base64url')}`;
}

/** What an older version signed may be anything. */
function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

function macOf(secret: string, body: Uint8Array): Buffer {
  return createHmac('sha256', secret).update('state\0').update(body).digest();
}
