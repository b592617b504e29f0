import { RestError } from '@azure/storage-blob';
import { describe, expect, it } from '@jest/globals';

import { ConditionFailed, ObjectNotFound, StorageRefused } from '../bucket/object-store.js';
import { judgeAzure, meaningOf } from './azure-errors.js';

const secret = 'The MAC signature found in the HTTP request';
const answer = (statusCode: number, code: string) =>
  new RestError(`${secret}\nmore`, { statusCode, code });

describe('an answer of Azure', () => {
  it.each([
    [500, 'InternalError', true],
    [503, 'ServerBusy', true],
    [429, 'TooManyRequests', false],
    [400, 'Md5Mismatch', true],
    [409, 'PendingCopyOperation', true],
  ])('%i %s is worth another attempt', (status, code, mayHaveHappened) => {
    expect(judgeAzure(answer(status, code))).toMatchObject({
      kind: 'passing',
      reason: `${status} ${code}`,
      mayHaveHappened,
    });
  });

  it.each([
    ['ECONNREFUSED', false],
    ['ENOTFOUND', false],
    ['ECONNRESET', true],
  ])('that does not come, for %s, is worth another attempt', (code, mayHaveHappened) => {
    const error = new RestError(`connect ${code}`, { code });
    expect(judgeAzure(error)).toMatchObject({ kind: 'passing', mayHaveHappened });
  });

  it.each([
    [404, 'BlobNotFound', ObjectNotFound],
    [404, 'ContainerNotFound', StorageRefused],
    [409, 'BlobAlreadyExists', ConditionFailed],
    [412, 'ConditionNotMet', ConditionFailed],
    [412, 'LeaseIdMissing', StorageRefused],
    [403, 'AuthenticationFailed', StorageRefused],
    [400, 'InvalidHeaderValue', StorageRefused],
  ])('%i %s is final, and what it means', (status, code, kind) => {
    const error = answer(status, code);
    expect(judgeAzure(error)).toEqual({ kind: 'final' });
    const meaning = meaningOf(error, 'a/key', 'container registry') as Error;
    expect(meaning).toBeInstanceOf(kind);
    expect(meaning.message).not.toContain(secret);
  });

  it('says what to do about credentials', () => {
    const meaning = meaningOf(
      answer(403, 'AuthenticationFailed'),
      'key',
      'container registry of host',
    );
    expect(String(meaning)).toContain(
      'container registry of host: 403 AuthenticationFailed: check storage.azure.accountname',
    );
  });
});
