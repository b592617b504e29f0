import { describe, expect, it } from '@jest/globals';

import { ConditionFailed, ObjectNotFound, StorageRefused } from '../bucket/object-store.js';
import { GcsError, judgeGcs, meaningOf, NoToken } from './gcs-errors.js';

describe('an answer of Google', () => {
  it.each([
    [503, 'backendError', true],
    [500, 'internalError', true],
    [429, 'rateLimitExceeded', false],
    [408, '', true],
  ])('%i %s is worth another attempt', (status, reason, mayHaveHappened) => {
    expect(judgeGcs(new GcsError(status, reason, '', 700))).toMatchObject({
      kind: 'passing',
      mayHaveHappened,
      retryAfter: 700,
    });
  });

  it('that the bytes were other ones is worth another attempt', () => {
    const said = 'Provided MD5 hash "a" doesn\'t match calculated MD5 hash "b".';
    expect(judgeGcs(new GcsError(400, 'invalid', said)).kind).toBe('passing');
    expect(judgeGcs(new GcsError(400, 'invalid', 'Required')).kind).toBe('final');
  });

  it.each([
    [404, 'No such object: registry/a', ObjectNotFound],
    [404, 'The specified bucket does not exist.', StorageRefused],
    [412, 'At least one of the pre-conditions you specified did not hold.', ConditionFailed],
    [401, 'Invalid Credentials', StorageRefused],
    [403, 'a@b does not have storage.objects.get access', StorageRefused],
  ])('%i %s is final, and what it means', (status, said, kind) => {
    const error = new GcsError(status, '', said);
    expect(judgeGcs(error)).toEqual({ kind: 'final' });
    expect(meaningOf(error, 'a', 'registry')).toBeInstanceOf(kind);
  });

  it('without a token says where it should have come from', () => {
    const refused = new NoToken('no token', { cause: new Error('invalid_grant') });
    expect(judgeGcs(refused)).toEqual({ kind: 'final' });
    expect(String(meaningOf(refused, 'a', 'registry'))).toContain('check storage.gcs.keyfile');
    const away = new NoToken('no token', {
      cause: Object.assign(new Error('getaddrinfo'), { code: 'EAI_AGAIN' }),
    });
    expect(judgeGcs(away)).toMatchObject({ kind: 'passing', mayHaveHappened: false });
  });
});
