import { createHash } from 'node:crypto';

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { Digest } from './digest.js';
import { DigestInvalid } from './errors.js';

const hex256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

describe('Digest', () => {
  it('parses what it writes, for both algorithms', () => {
    for (const algorithm of ['sha256', 'sha512'] as const) {
      const text = `${algorithm}:${createHash(algorithm).update('x').digest('hex')}`;
      const digest = Digest.parse(text);
      expect(digest.algorithm).toBe(algorithm);
      expect([digest.toString(), JSON.stringify(digest)]).toEqual([text, `"${text}"`]);
      expect(digest.equals(Digest.of(Buffer.from('x'), algorithm))).toBe(true);
    }
  });

  it.each([
    ['nothing', ''],
    ['no algorithm', hex256],
    ['an empty algorithm', `:${hex256}`],
    ['no hex', 'sha256:'],
    ['63 digits', `sha256:${hex256.slice(1)}`],
    ['65 digits', `sha256:${hex256}0`],
    ['upper case', `sha256:${hex256.toUpperCase()}`],
    ['an upper-case algorithm', `SHA256:${hex256}`],
    ['a length of the other algorithm', `sha512:${hex256}`],
    ['an algorithm that is not registered', `md5:${hex256.slice(32)}`],
    ['the name of a property of every object', `constructor:${hex256}`],
    ['the prototype', `__proto__:${hex256}`],
    ['a path', `sha256:../../${hex256.slice(6)}`],
    ['a line break at the end', `sha256:${hex256}\n`],
    ['a line break in place of the last digit', `sha256:${hex256.slice(1)}\n`],
    ['a space before', ` sha256:${hex256}`],
    ['full-width digits', `sha256:${hex256.slice(1)}\uff10`],
    ['two colons', `sha256::${hex256}`],
    ['a NUL', `sha256:${hex256.slice(1)}\0`],
  ])('refuses %s', (_what, text) => {
    expect(Digest.tryParse(text)).toBeUndefined();
    expect(() => Digest.parse(text)).toThrow(DigestInvalid);
  });

  it('accepts exactly what the grammar of registered digests does', () => {
    const grammar = /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;
    const nearly = fc
      .tuple(
        fc.constantFrom('sha256', 'sha512', 'sha-256', 'sha', ''),
        fc.constantFrom(':', '', '::', '/'),
        fc.constantFrom(63, 64, 65, 128),
        fc.constantFrom('0', 'a', 'f', 'g', 'A', '\n'),
      )
      .map(([algorithm, colon, length, last]) => {
        return algorithm + colon + '9'.repeat(length - 1) + last;
      });
    fc.assert(
      fc.property(fc.oneof(nearly, fc.string()), (text) => {
        expect(Digest.tryParse(text) !== undefined).toBe(grammar.test(text) && !/\n/.test(text));
      }),
      { numRuns: 2000 },
    );
  });

  it('says no more of a hostile digest than its beginning', () => {
    const hostile = `sha256:${'a'.repeat(1_000_000)}`;
    const began = process.cpuUsage();
    let error: unknown;
    try {
      Digest.parse(hostile);
    } catch (thrown) {
      error = thrown;
    }
    expect(process.cpuUsage(began).user / 1000).toBeLessThan(20);
    expect(JSON.stringify((error as DigestInvalid).detail).length).toBeLessThan(300);
  });
});
