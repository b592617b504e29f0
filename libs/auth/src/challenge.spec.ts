import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { basicChallenge, bearerChallenge, quotedString } from './challenge.js';

describe('challenges', () => {
  it('name the realm', () => {
    expect(basicChallenge('Registry Realm')).toBe('Basic realm="Registry Realm"');
  });

  it('leave out the scope where nothing is asked for', () => {
    expect(bearerChallenge('https://auth.example/token', 'registry', [])).toBe(
      'Bearer realm="https://auth.example/token",service="registry"',
    );
  });
});

describe('quotedString', () => {
  it.each([
    ['say "hi"', '"say \\"hi\\""'],
    ['back\\slash', '"back\\\\slash"'],
    ['two\r\nlines\0', '"two  lines "'],
    ['Büro', '"BÃ¼ro"'],
  ])('quotes %j', (text, quoted) => {
    expect(quotedString(text)).toBe(quoted);
  });

  it('is one header value that reads back as the text, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const quoted = quotedString(text);
        expect(quoted).toMatch(/^"(?:[\t !#-[\]-~\u0080-\u00ff]|\\["\\])*"$/);
        const read = Buffer.from(quoted.slice(1, -1).replace(/\\(.)/g, '$1'), 'latin1');
        expect(read.toString('utf8')).toBe(
          text.toWellFormed().replace(/[^\P{Cc}\u0080-\u009f]/gu, ' '),
        );
      }),
    );
  });
});
