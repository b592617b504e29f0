import { isNativeError } from 'node:util/types';

import { BrokenOff } from '../bucket/broken-off.js';
import { ConditionFailed, ObjectNotFound, StorageRefused } from '../bucket/object-store.js';
import type { Verdict } from '../bucket/retries.js';
import { StorageUnavailable } from '../storage-driver.js';

/** An answer of the service that is no good one. */
export class GcsError extends Error {
  override readonly name = 'GcsError';
  constructor(
    readonly status: number,
    /** The service's word for it, such as `notFound`. */
    readonly reason: string,
    /** The service's sentence for people. */
    readonly said: string,
    /** Milliseconds. */
    readonly retryAfter?: number,
  ) {
    super(`${status} ${reason}`);
  }
}

/** No token could be had. */
export class NoToken extends Error {
  override readonly name = 'NoToken';
}

const passingStatuses: readonly number[] = [408, 429, 500, 502, 503, 504];
/** Nothing reached the service. */
const unsent: readonly string[] = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
];

export function judgeGcs(error: unknown): Verdict {
  if (error instanceof GcsError) {
    const damaged = error.status === 400 && /md5|hash/i.test(error.said);
    if (!damaged && !passingStatuses.includes(error.status)) return { kind: 'final' };
    // Told to slow down before anything was done.
    return passing(error.message, error.status !== 429, error.retryAfter);
  }
  if (error instanceof BrokenOff) return passing(error.message, true);
  if (error instanceof NoToken) {
    return isNetworkError(error.cause)
      ? passing('no token can be had: Google is out of reach', false)
      : { kind: 'final' };
  }
  if (isNetworkError(error)) return passing(error.message, !unsent.includes(error.code));
  return { kind: 'final' };
}

/** What an error that is no passing one means. */
export function meaningOf(error: unknown, key: string, bucket: string): unknown {
  if (error instanceof StorageUnavailable) return error;
  const refused = (what: string) =>
    new StorageRefused(`bucket ${bucket}: ${what}`, { cause: error });
  if (error instanceof NoToken) {
    return refused(
      'no token can be had: check storage.gcs.keyfile or credentials, or the identity of this machine',
    );
  }
  if (!(error instanceof GcsError)) return error;
  if (isOfBucket(error)) return noBucket(bucket, error);
  switch (error.status) {
    case 401:
      return refused(
        `${error.message}: check storage.gcs.keyfile or credentials, and the clock of this machine`,
      );
    case 403:
      return refused(
        `${error.message}: give the service account the role Storage Object Admin, and look for policies that keep objects from being changed`,
      );
    case 404:
      return new ObjectNotFound(key);
    case 304:
    case 412:
      return new ConditionFailed(key);
    default:
      return refused(`${error.message} for ${key}`);
  }
}

/** Whether it is the bucket that is not there. */
export function isOfBucket({ status, said }: GcsError): boolean {
  return status === 404 && /bucket does not exist/i.test(said);
}

function passing(reason: string, mayHaveHappened: boolean, retryAfter?: number): Verdict {
  return { kind: 'passing', reason, mayHaveHappened, retryAfter };
}

/** Core's errors may come from another realm. */
function isNetworkError(error: unknown): error is Error & { code: string } {
  return isNativeError(error) && 'code' in error && networkCodes.test(String(error.code));
}

const networkCodes = /^(E(?!RR_)[A-Z_]+|HPE_\w+|ERR_STREAM\w+)$/;

/** There is no such bucket. */
export function noBucket(bucket: string, cause: unknown): StorageRefused {
  return new StorageRefused(
    `there is no bucket ${bucket}: create it, or correct storage.gcs.bucket`,
    { cause },
  );
}
