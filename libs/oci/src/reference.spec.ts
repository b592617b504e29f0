import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { Digest } from './digest.js';
import { DigestInvalid, TagInvalid } from './errors.js';
import { isTag, parseReference, parseTag } from './reference.js';

describe('a tag', () => {
  it.each(['latest', 'v1.0', '_', '0', 'A-b_c.d', '__proto__', 'constructor', 'a'.repeat(128)])(
    'may be %s',
    (tag) => {
      expect(parseTag(tag)).toBe(tag);
    },
  );

  it.each(['', '.', '-a', '.a', '..', 'a/b', 'a b', 'ä', 'a\n', '\u0131', 'a+b', 'a'.repeat(129)])(
    'may not be %j',
    (tag) => {
      expect(isTag(tag)).toBe(false);
      expect(() => parseTag(tag)).toThrow(TagInvalid);
    },
  );

  it('is what the grammar of the spec says, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 140 }), (text) => {
        const inGrammar =
          text.length >= 1 &&
          text.length <= 128 &&
          Array.from(text).every((char) => /[a-zA-Z0-9._-]/.test(char)) &&
          !/[.-]/.test(text.charAt(0));
        expect(isTag(text)).toBe(inGrammar);
      }),
      { numRuns: 5000 },
    );
  });

  it('takes no time to refuse a long text', () => {
    const began = process.cpuUsage();
    expect(isTag('a-'.repeat(32_768) + '!')).toBe(false);
    expect(process.cpuUsage(began).user / 1000).toBeLessThan(5);
  });
});

describe('a reference', () => {
  it('is a digest when it has a colon, and else a tag', () => {
    const digest = `sha256:${'0'.repeat(64)}`;
    expect(parseReference(digest)).toBeInstanceOf(Digest);
    expect(parseReference('latest')).toBe('latest');
    expect(parseReference('0'.repeat(64))).toBe('0'.repeat(64));
  });

  it('says by its error what it was taken for', () => {
    expect(() => parseReference('sha256:abc')).toThrow(DigestInvalid);
    expect(() => parseReference('a:b')).toThrow(DigestInvalid);
    expect(() => parseReference('.a')).toThrow(TagInvalid);
  });
});
