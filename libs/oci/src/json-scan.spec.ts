import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { ManifestInvalid } from './errors.js';
import {
  maximumDepth,
  maximumEntries,
  maximumEscapedKeys,
  maximumKeys,
  scanJson,
} from './json-scan.js';

const scan = (text: string) => scanJson(Buffer.from(text));
const members = (count: number, name = (index: number) => `k${index}`) =>
  `{${Array.from({ length: count }, (_, index) => `"${name(index)}":1`).join(',')}}`;

describe('scanJson', () => {
  it('lets any JSON pass that says nothing twice and has no integer beyond 2^53', () => {
    const { value: json } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.string({ unit: 'grapheme' }),
        fc.maxSafeInteger(),
        fc.float({ noDefaultInfinity: true, noNaN: true, max: 1000, min: -1000 }),
        fc.constantFrom(true, false, null),
        fc.array(tie('value'), { maxLength: 5 }),
        fc.dictionary(fc.string({ minLength: 14 }), tie('value'), { maxKeys: 5 }),
        fc.record({ layers: tie('value'), Size: tie('value'), annotations: tie('value') }),
      ),
    }));
    fc.assert(
      fc.property(json, fc.constantFrom(0, 1, '\t'), (value, space) => {
        expect(() => scan(JSON.stringify(value, undefined, space))).not.toThrow();
      }),
      { numRuns: 2000 },
    );
  });

  it.each(['"a\\"b"', '"\\\\"', '"a\\\\\\"b\\\\"', '{"\\\\":"\\\\"}', '["\\\\","\\"",""]', '"{["'])(
    'finds the end of the strings in %s',
    (text) => {
      expect(scan(text)).toEqual({ lookalike: undefined });
    },
  );

  it.each(['"', '"\\"', '"\\', '{"a', '"a\\\\\\"'])(
    'refuses %s, a string without an end',
    (text) => {
      expect(() => scan(text)).toThrow(ManifestInvalid);
    },
  );

  it('refuses what is not UTF-8', () => {
    expect(() => scanJson(Buffer.from([0x22, 0xff, 0x22]))).toThrow('UTF-8');
    expect(() => scanJson(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))).toThrow('UTF-8');
  });

  describe('depth', () => {
    it(`takes ${maximumDepth} levels and no more`, () => {
      const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
      expect(() => scan(nested(maximumDepth))).not.toThrow();
      expect(() => scan(nested(maximumDepth + 1))).toThrow('nested deeper');
      expect(() => scan('{"a":'.repeat(maximumDepth + 1))).toThrow('nested deeper');
    });

    it('is not fooled by more ends than beginnings', () => {
      expect(() => scan(']'.repeat(100) + '['.repeat(100))).toThrow(ManifestInvalid);
    });
  });

  describe('counts', () => {
    it(`takes ${maximumKeys} members and no more`, () => {
      expect(() => scan(members(maximumKeys))).not.toThrow();
      expect(() => scan(members(maximumKeys + 1))).toThrow('members');
    });

    it(`takes ${maximumEntries} values and no more`, () => {
      expect(() => scan(`[1${',1'.repeat(maximumEntries - 1)}]`)).not.toThrow();
      expect(() => scan(`[1${',1'.repeat(maximumEntries)}]`)).toThrow('values');
    });

    it(`takes ${maximumEscapedKeys} escaped members and no more`, () => {
      const escaped = (index: number) => `\\u006b${index}`;
      expect(() => scan(members(maximumEscapedKeys, escaped))).not.toThrow();
      expect(() => scan(members(maximumEscapedKeys + 1, escaped))).toThrow('escaped');
    });
  });

  describe('a member that stands twice', () => {
    it.each([
      ['{"digest":1,"digest":2}'],
      ['{"digest":1,"Digest":2}'],
      ['{"digest":1, "a":[{}], "DIGEST" :2}'],
      ['{"digest":1,"di\\u0067est":2}'],
      ['{"\\u0064\\u0069\\u0067\\u0065\\u0073\\u0074":1,"digest":2}'],
      ['{"layers":[],"layer\u017f":[]}'],
      ['{"layers":[],"layer\\u017F":[]}'],
      ['{"schemaVersion":2,"schemaversion":1}'],
      ['{"mediaType":"a","mediatype":"b"}'],
      ['[{"a":{"size":1,"b":"}","Size":2}}]'],
      ['{"annotations":{},"annotations":{}}'],
      ['{"annotations":"x","config":{"size":1,"size":2}}'],
    ])('is refused in %s', (text) => {
      expect(() => scan(text)).toThrow('twice');
    });

    it.each([
      ['{"digest":1,"a":{"digest":2}}'],
      ['[{"digest":1},{"digest":2}]'],
      ['{"a":{"size":1},"b":{"size":2},"size":3}'],
      ['{"a":1,"a":2}'],
      ['{"a":"digest","digest":"digest"}'],
      ['["digest","digest"]'],
    ])('is welcome where it decides nothing, in %s', (text) => {
      expect(() => scan(text)).not.toThrow();
    });

    it('is any key’s right in annotations, where case matters', () => {
      expect(() => scan('{"annotations":{"size":"1","Size":"2"},"size":1}')).not.toThrow();
      expect(() => scan('{"annotations":{},"config":{"size":1,"Size":2}}')).toThrow('twice');
      expect(() => scan('{"annotations":[{"size":1,"Size":2}]}')).toThrow('twice');
    });
  });

  it('tells the member of the outermost object that some take for another', () => {
    expect(scan('{"Layers":[]}').lookalike).toBe('Layers');
    expect(scan('{"layer\u017f":[]}').lookalike).toBe('layer\u017f');
    expect(scan('{"layers":[],"a":{"Layers":1}}').lookalike).toBeUndefined();
    expect(scan('{"\\u006cayers":[]}').lookalike).toBeUndefined();
  });

  describe('numbers', () => {
    it.each(['9007199254740992', '-9007199254740992', '9'.repeat(500), '[1,18446744073709551616]'])(
      'refuses %s, which JSON.parse would round',
      (text) => {
        expect(() => scan(text)).toThrow('2^53');
      },
    );

    it.each([
      '9007199254740991',
      '-9007199254740991',
      '0.30000000000000004',
      '3.141592653589793238462643',
      '-0.1234567890123456789',
      '1e300',
      '"9007199254740993"',
    ])('takes %s', (text) => {
      expect(() => scan(text)).not.toThrow();
    });
  });
});
