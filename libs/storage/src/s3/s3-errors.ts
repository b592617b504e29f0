import { Readable } from 'node:stream';

import type { S3ServiceException } from '@aws-sdk/client-s3';

import { BrokenOff } from '../bucket/broken-off.js';
import { ConditionFailed, ObjectNotFound, StorageRefused } from '../bucket/object-store.js';
import type { Verdict } from '../bucket/retries.js';
import type { WireAnswer } from './s3-wire.js';

/** What an answer with an error looks like, in whatever words. */
type Answered = Partial<S3ServiceException> & { readonly Code?: string; readonly Region?: string };

function answerIn(error: unknown): Answered | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const answered: Answered = error;
  return answered.$response !== undefined || answered.$metadata?.httpStatusCode !== undefined
    ? answered
    : undefined;
}

export function statusOf(error: unknown): number | undefined {
  const answered = answerIn(error);
  return answered?.$response?.statusCode ?? answered?.$metadata?.httpStatusCode;
}

/** The service's own word for what went wrong, such as `NoSuchKey`. */
export function codeOf(error: unknown): string | undefined {
  const answered = answerIn(error);
  return answered?.Code ?? answered?.name;
}

function headerOf(error: unknown, name: string): string | undefined {
  return answerIn(error)?.$response?.headers[name];
}

/** Errors that say nothing about the request itself: it was not carried out. */
const undone: readonly string[] = [
  'SlowDown',
  'SlowDownRead',
  'SlowDownWrite',
  'Throttling',
  'ThrottlingException',
  'RequestThrottled',
  'RequestLimitExceeded',
  'BandwidthLimitExceeded',
  'TooManyRequests',
  'RequestTimeTooSkewed',
  'RequestTimeout',
  'ConditionalRequestConflict',
  'OperationAborted',
  // versitygw, when another has just removed the last object of the folder.
  'ExistingObjectIsDirectory',
  // The bytes were damaged, or fewer, on their way.
  'BadDigest',
  'XAmzContentSHA256Mismatch',
  'XAmzContentChecksumMismatch',
  'IncompleteBody',
];
const passingStatuses: readonly number[] = [408, 429, 500, 502, 503, 504];
/** Nothing reached the service. */
const unsent: readonly string[] = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
];

export function judgeS3(error: unknown): Verdict {
  if (error instanceof BrokenOff) return passing(error.message, true);
  const status = statusOf(error);
  if (status === undefined) return judgeSilence(error);
  const code = codeOf(error) ?? '';
  if (undone.includes(code) || skewCorrected(error)) {
    return passing(said(error), false, retryAfter(error));
  }
  // An answer that means success and cannot be read is as good as none.
  if (passingStatuses.includes(status) || status < 300) {
    return passing(said(error), status !== 429, retryAfter(error));
  }
  return { kind: 'final' };
}

function judgeSilence(error: unknown): Verdict {
  const code = systemCode(error);
  if (code !== undefined && !isCertificateCode(code)) {
    return passing(firstLine(error), !unsent.includes(code));
  }
  if (textIn(error, 'name') === 'TimeoutError') {
    return passing('no connection to the storage', false);
  }
  return { kind: 'final' };
}

/** What an error that is no passing one means; `bucket` as the configuration has it. */
export function meaningOf(error: unknown, key: string, bucket: string): unknown {
  const code = codeOf(error) ?? '';
  const refused = (message: string) => new StorageRefused(message, { cause: error });
  const region = headerOf(error, 'x-amz-bucket-region') ?? answerIn(error)?.Region;
  if (code === 'NoSuchBucket') {
    return refused(`there is no bucket ${bucket}: check storage.s3.bucket and storage.s3.region`);
  }
  if (
    ['PermanentRedirect', 'AuthorizationHeaderMalformed'].includes(code) ||
    statusOf(error) === 301
  ) {
    return refused(
      region === undefined
        ? `bucket ${bucket} is elsewhere: check storage.s3.region and storage.s3.regionendpoint`
        : `bucket ${bucket} is in region ${region}: set storage.s3.region to it`,
    );
  }
  const advice = advices[code];
  if (advice !== undefined) return refused(`bucket ${bucket}: ${code}: ${advice}`);
  switch (statusOf(error)) {
    case 412:
      return new ConditionFailed(key);
    case 404:
      return new ObjectNotFound(key);
    case 401:
    case 403:
      return refused(`bucket ${bucket}: ${code}: ${advices['AccessDenied']}`);
    case undefined:
      return silenceMeaning(error, bucket);
    default:
      return refused(`bucket ${bucket}: ${said(error)}`);
  }
}

const advices: Readonly<Record<string, string>> = {
  InvalidAccessKeyId: 'check storage.s3.accesskey',
  SignatureDoesNotMatch: 'check storage.s3.secretkey',
  ExpiredToken: 'renew storage.s3.sessiontoken, or where the credentials come from',
  InvalidToken: 'check storage.s3.sessiontoken',
  AccessDenied:
    'the credentials may not do this; they need s3:GetObject, PutObject, DeleteObject, ListBucket, ListBucketMultipartUploads, AbortMultipartUpload',
  AllAccessDisabled: 'the bucket is switched off',
  AccountProblem: 'the account has a problem',
  RequestTimeTooSkewed: 'set the clock of this machine',
};

function silenceMeaning(error: unknown, bucket: string): unknown {
  const code = systemCode(error);
  if (code !== undefined && isCertificateCode(code)) {
    return new StorageRefused(
      `bucket ${bucket}: certificate not trusted (${code}): set NODE_EXTRA_CA_CERTS, or storage.s3.skipverify`,
      { cause: error },
    );
  }
  const name = textIn(error, 'name') ?? '';
  if (/Credential|TokenProvider|SSO/.test(name)) {
    return new StorageRefused(
      `bucket ${bucket}: no credentials (${name}): set storage.s3.accesskey and storage.s3.secretkey, or give this process a role`,
      { cause: error },
    );
  }
  return error;
}

function isCertificateCode(code: string): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL|HOSTNAME_MISMATCH|EPROTO/.test(code);
}

/** The SDK has set its clock by the answer; the next attempt is signed with the service's time. */
function skewCorrected(error: unknown): boolean {
  const metadata = answerIn(error)?.$metadata;
  return metadata !== undefined && Reflect.get(metadata, 'clockSkewCorrected') === true;
}

function passing(reason: string, mayHaveHappened: boolean, retryAfter?: number): Verdict {
  return { kind: 'passing', reason, mayHaveHappened, retryAfter };
}

function said(error: unknown): string {
  return `${statusOf(error) ?? ''} ${codeOf(error) ?? ''}`.trim();
}

function retryAfter(error: unknown): number | undefined {
  const seconds = Number(headerOf(error, 'retry-after'));
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 30) * 1000 : undefined;
}

function systemCode(error: unknown): string | undefined {
  return textIn(error, 'code');
}

function firstLine(error: unknown): string {
  return textIn(error, 'message')?.split('\n', 1)[0] ?? 'no answer';
}

/** A range behind the end of an object is no bytes of it. */
export function emptyBehind(error: unknown): WireAnswer {
  const range = headerOf(error, 'content-range');
  if (statusOf(error) !== 416 || range === undefined) throw error;
  // Nothing will be read by its version.
  const headers = { 'content-range': range, etag: headerOf(error, 'etag') ?? '""' };
  return { headers, body: Readable.from([]) };
}

/** Errors of Node itself are no instances of `Error` where modules run in a context of their own. */
function textIn(error: unknown, property: string): string | undefined {
  const text: unknown =
    typeof error === 'object' && error !== null ? Reflect.get(error, property) : undefined;
  return typeof text === 'string' ? text : undefined;
}
