import { randomBytes } from 'node:crypto';

import { describe, expect, it } from '@jest/globals';

import { compactVersion, fullVersion } from './compact-version.js';
import { endOf, namedParts, noParts, type Part, uploadedParts } from './upload-parts.js';

const md5 = '9e107d9d372bb6826bd81d3542a419d6';

function line(count: number, more: Partial<Part> = {}): Part[] {
  const parts: Part[] = [];
  for (let index = 0; index < count; index++) {
    const size = 5_000_000 + index;
    parts.push({ base: endOf(parts), size, version: md5, writer: undefined, ...more });
  }
  return parts;
}

describe('the version of an object in a token', () => {
  it.each([
    md5,
    `"${md5}"`,
    `${md5}-10000`,
    `"${md5}-3"`,
    '"0x8DBA0D8C9C0A2F0"',
    '1700000000000001',
    'a.b,c',
    `${md5}x`,
    '',
  ])('%s comes back as it was', (version) => {
    const compact = compactVersion(version);
    expect(fullVersion(compact)).toBe(version);
    expect(compact).toMatch(/^[\w-]+$/);
  });

  it('differs where versions do', () => {
    const versions = [md5, `"${md5}"`, `${md5}-1`, `"${md5}-1"`, `${md5}-2`, `t${md5}`];
    expect(new Set(versions.map(compactVersion)).size).toBe(versions.length);
  });
});

describe('the token of parts', () => {
  it('names up to 16 parts', () => {
    for (const count of [1, 2, 16]) {
      for (const writer of [undefined, '0123456789abcdef']) {
        const parts = line(count, { writer });
        const uploaded = uploadedParts(parts);
        expect(uploaded.size).toBe(endOf(parts));
        expect(namedParts(uploaded) ?? []).toEqual(writer === undefined || count < 16 ? parts : []);
      }
    }
  });

  it('has a hash of more, which differs when any of them does', () => {
    const parts = line(17);
    const uploaded = uploadedParts(parts);
    expect(namedParts(uploaded)).toBeUndefined();
    expect(uploaded.token).toMatch(/^h17\./);
    const others = [
      line(18),
      line(17, { writer: '0123456789abcdef' }),
      line(17, { version: `${md5}-1` }),
      [...parts.slice(0, 16), { ...(parts[16] as Part), size: 3 }],
    ];
    const tokens = [parts, ...others].map((one) => uploadedParts(one).token);
    expect(new Set(tokens).size).toBe(tokens.length);
  });

  it('leaves room in a Location for all else, however many parts there are', () => {
    for (const version of [`"${md5}-10000"`, randomBytes(100).toString('hex')]) {
      for (const count of [1, 16, 17, 10_000]) {
        const parts = line(count, { version, writer: '0123456789abcdef' });
        expect(uploadedParts(parts).token.length).toBeLessThanOrEqual(641);
      }
    }
  });

  it('of no parts is empty', () => {
    expect(uploadedParts([])).toEqual(noParts);
    expect(namedParts(noParts)).toBeUndefined();
  });

  it.each(['p', 'p,', 'pzz', 'p-1.m', 'p0.tYQ', 'p5.tYQ', 'pNaN.tYQ', 'p4.tYQ,x', 'x4.tYQ'])(
    'that is not ours, %s, names nothing',
    (token) => {
      expect(namedParts({ size: 4, token })).toBeUndefined();
    },
  );
});
