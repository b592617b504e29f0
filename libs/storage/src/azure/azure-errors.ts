import { isNativeError } from 'node:util/types';

import type { RestError } from '@azure/storage-blob';

import { BrokenOff } from '../bucket/broken-off.js';
import { ConditionFailed, ObjectNotFound, StorageRefused } from '../bucket/object-store.js';
import type { Verdict } from '../bucket/retries.js';

export function isRestError(error: unknown): error is RestError {
  return error instanceof Error && error.name === 'RestError';
}

/** The service's own word for what went wrong, such as `BlobNotFound`. */
export function codeOf(error: unknown): string | undefined {
  if (!isRestError(error)) return undefined;
  return error.response?.headers.get('x-ms-error-code') ?? error.code;
}

/** Errors that say nothing about the request itself. */
const passingStatuses: readonly number[] = [408, 429, 500, 502, 503, 504];
const passingCodes: readonly string[] = [
  // The bytes were damaged, or fewer, on their way.
  'Md5Mismatch',
  'Crc64Mismatch',
  'IncompleteBody',
  'RequestTimeout',
  'PendingCopyOperation',
  'ServerBusy',
  'OperationTimedOut',
  'PARSE_ERROR',
];
/** Nothing reached the service. */
const unsent: readonly string[] = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
];

/** What says itself where to look needs no other advice. */
export const noToken =
  'no token can be had: check storage.azure.credentials, or the identity of this machine';

export function judgeAzure(error: unknown): Verdict {
  if (error instanceof BrokenOff) return passing(error.message, true);
  if (isTokenError(error)) {
    const { statusCode = 0 } = error as { statusCode?: number };
    return statusCode === 0 || statusCode >= 500 ? passing(noToken, false) : { kind: 'final' };
  }
  if (!isRestError(error))
    return isSystemError(error) ? passing(error.message, true) : { kind: 'final' };
  const code = codeOf(error);
  if (error.statusCode === undefined) {
    const cause = [code, systemCode(error)].find((each) => unsent.includes(each ?? ''));
    return passing(firstLine(error), cause === undefined);
  }
  if (passingStatuses.includes(error.statusCode) || passingCodes.includes(code ?? '')) {
    return passing(said(error), error.statusCode !== 429, retryAfter(error));
  }
  return { kind: 'final' };
}

/** What an error that is no passing one means; `where` names account and container. */
export function meaningOf(error: unknown, key: string, where: string): unknown {
  if (isTokenError(error)) {
    return new StorageRefused(`${noToken} (${error.name})`, { cause: error });
  }
  if (!isRestError(error)) return error;
  const code = codeOf(error) ?? '';
  if (code in refusals) {
    return new StorageRefused(`${where}: ${said(error)}: ${refusals[code]}`, { cause: error });
  }
  if (error.statusCode === 404) return new ObjectNotFound(key);
  if ([304, 412].includes(error.statusCode ?? 0) || code === 'BlobAlreadyExists') {
    return new ConditionFailed(key);
  }
  return new StorageRefused(`${where}: ${said(error)} for ${key}`, { cause: error });
}

const keys =
  'check storage.azure.accountname, accountkey and credentials, and the clock of this machine';
const container = 'create the container, or correct storage.azure.container';

const refusals: Readonly<Record<string, string>> = {
  AuthenticationFailed: keys,
  InvalidAuthenticationInfo: keys,
  NoAuthenticationInformation: keys,
  AuthorizationFailure: `${keys}, and whether the network rules of the account let this machine in`,
  AuthorizationSourceIPMismatch:
    'the account does not let this machine in: check its network rules',
  AuthorizationPermissionMismatch: 'give this identity the role Storage Blob Data Contributor',
  InsufficientAccountPermissions: 'give this identity the role Storage Blob Data Contributor',
  AuthorizationProtocolMismatch: 'the account takes https only: correct storage.azure.serviceurl',
  AccountRequiresHttps: 'the account takes https only: correct storage.azure.serviceurl',
  KeyBasedAuthenticationNotPermitted:
    'the account takes no keys: set storage.azure.credentials.type to default_credentials or client_secret',
  AccountIsDisabled: 'the account is disabled',
  ContainerNotFound: container,
  ContainerBeingDeleted: container,
  ContainerDisabled: container,
  InvalidResourceName: container,
  LeaseIdMissing: 'somebody holds a lease on the blob: break it',
  BlobImmutableDueToPolicy: 'a policy of the container keeps blobs from being changed',
  BlobArchived: 'the blob is in the archive tier: rehydrate it',
};

function said(error: RestError): string {
  return [error.statusCode, codeOf(error)].filter((part) => part !== undefined).join(' ');
}

function passing(reason: string, mayHaveHappened: boolean, retryAfterMs?: number): Verdict {
  return { kind: 'passing', reason, mayHaveHappened, retryAfter: retryAfterMs };
}

function retryAfter(error: RestError): number | undefined {
  const headers = error.response?.headers;
  const milliseconds = headers?.get('retry-after-ms') ?? headers?.get('x-ms-retry-after-ms');
  const seconds = Number(headers?.get('retry-after'));
  const asked = milliseconds === undefined ? seconds * 1000 : Number(milliseconds);
  return Number.isFinite(asked) && asked > 0 ? Math.min(asked, longestAsked) : undefined;
}

const longestAsked = 30_000;

function systemCode({ cause }: Error): string | undefined {
  return isSystemError(cause) ? cause.code : undefined;
}

/** Core's errors may come from another realm. */
function isSystemError(error: unknown): error is Error & { code: string } {
  return isNativeError(error) && 'code' in error && systemCodes.test(String(error.code));
}

const systemCodes = /^(E(?!RR_)[A-Z_]+|HPE_\w+|ERR_STREAM\w+)$/;

/** Of `@azure/identity`. */
function isTokenError(error: unknown): error is Error {
  return (
    error instanceof Error &&
    /^(AuthenticationError|AuthenticationRequiredError|CredentialUnavailableError|AggregateAuthenticationError)$/.test(
      error.name,
    )
  );
}

function firstLine(error: Error): string {
  return error.message.split('\n', 1)[0] ?? error.name;
}
