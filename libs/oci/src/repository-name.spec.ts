import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { NameInvalid } from './errors.js';
import { isRepositoryName, parseRepositoryName } from './repository-name.js';

/** The grammar as the distribution spec writes it; safe to run on short texts only. */
const grammar = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/;

describe('a repository name', () => {
  it.each([
    'a',
    '0',
    'library/alpine',
    'a.b_c__d-e--f---g/h',
    'blobs/uploads',
    'tags/list',
    'a/b/c/d/e/f/g/h',
    'localhost/x',
    `${'a'.repeat(127)}/${'b'.repeat(127)}`,
  ])('may be %s', (name) => {
    expect(parseRepositoryName(name)).toBe(name);
  });

  it.each([
    '',
    '/',
    '/a',
    'a/',
    'a//b',
    'A',
    'aB',
    '_uploads',
    '_catalog',
    'a_',
    'a___b',
    'a..b',
    'a._b',
    '.',
    '..',
    'a/..',
    '../a',
    'a/./b',
    '-a',
    'a-',
    'a/-b',
    'a\n',
    'a b',
    'a%2fb',
    'a%2Fb',
    '%2e%2e',
    'ä',
    'a\u0301',
    'a\u0000',
    'a:b',
    'a@b',
    'a\\b',
    'a'.repeat(256),
  ])('may not be %j', (name) => {
    expect(isRepositoryName(name)).toBe(false);
    expect(() => parseRepositoryName(name)).toThrow(NameInvalid);
  });

  it('has 255 characters at most', () => {
    expect([255, 256].map((length) => isRepositoryName('a'.repeat(length)))).toEqual([true, false]);
  });

  it('is what the grammar of the spec says', () => {
    const text = fc
      .array(fc.constantFrom('a', '0', 'z9', '.', '_', '__', '-', '--', '/', 'A', '\n', '%', 'é'), {
        maxLength: 12,
      })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ maxLength: 12 })), (name) => {
        expect(isRepositoryName(name)).toBe(grammar.test(name));
      }),
      { numRuns: 20_000 },
    );
  });

  it.each(['a-', 'a.', 'a_', 'a/', '-', '_', 'a'])(
    'takes no time to refuse 64 KiB of %j and what cannot be',
    (part) => {
      const long = part.repeat(65_536 / part.length) + '!';
      const short = part.repeat(127) + '!';
      const began = process.cpuUsage();
      for (let round = 0; round < 100; round++) {
        expect(isRepositoryName(long)).toBe(false);
        expect(isRepositoryName(short)).toBe(false);
      }
      expect(process.cpuUsage(began).user / 1000 / 100).toBeLessThan(2);
    },
  );
});
