import { describe, expect, it } from '@jest/globals';

import { parseRepositoryName } from '#oci/repository-name.js';

import { birthOf, isSessionId, newSessionId } from './session-id.js';

const secret = '1'.repeat(64);
const owner = { name: parseRepositoryName('a/b'), subject: 'alice' };

describe('a session id', () => {
  it('is known as ours, and tells when it was made', () => {
    const id = newSessionId(secret, owner, 1_763_000_000_123);
    expect(id).toMatch(/^[0-9a-f]{48}$/);
    expect(isSessionId([secret], id, owner)).toBe(true);
    expect(birthOf(id)).toBe(1_763_000_000_123);
  });

  it('differs each time', () => {
    const ids = Array.from({ length: 1000 }, () => newSessionId(secret, owner, 0));
    expect(new Set(ids).size).toBe(1000);
  });

  it('begins with what differs, so that a bucket can spread those of one moment', () => {
    const ids = Array.from({ length: 1000 }, () => newSessionId(secret, owner, 0));
    expect(new Set(ids.map((id) => id.slice(0, 2))).size).toBeGreaterThan(100);
  });

  it('is known by any of the secrets', () => {
    const id = newSessionId(secret, owner, 0);
    expect(isSessionId(['2'.repeat(64), secret], id, owner)).toBe(true);
    expect(isSessionId(['2'.repeat(64)], id, owner)).toBe(false);
    expect(isSessionId([], id, owner)).toBe(false);
  });

  it.each([
    ['repository', { ...owner, name: parseRepositoryName('a/c') }],
    ['subject', { ...owner, subject: 'bob' }],
    ['missing subject', { ...owner, subject: '' }],
    [
      'border between repository and subject',
      { name: parseRepositoryName('a'), subject: '/b\0alice' },
    ],
  ])('is not for another %s', (_what, other) => {
    expect(isSessionId([secret], newSessionId(secret, owner, 0), other)).toBe(false);
  });

  it('is refused with any character changed, left out or added', () => {
    const id = newSessionId(secret, owner, 5);
    for (let index = 0; index < id.length; index++) {
      const other = id[index] === '0' ? '1' : '0';
      for (const part of [other, '', 'A', '00', '\n']) {
        const altered = id.slice(0, index) + part + id.slice(index + 1);
        expect(isSessionId([secret], altered, owner)).toBe(false);
      }
    }
    expect(isSessionId([secret], `${id}\n`, owner)).toBe(false);
    expect(isSessionId([secret], id.toUpperCase(), owner)).toBe(/^[0-9]+$/.test(id));
    expect(isSessionId([secret], '../'.repeat(16), owner)).toBe(false);
    expect(isSessionId([secret], 'a'.repeat(1_000_000), owner)).toBe(false);
  });
});
