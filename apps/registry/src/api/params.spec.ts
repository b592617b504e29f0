import { describe, expect, it } from '@jest/globals';

import { PaginationNumberInvalid } from '#oci/errors.js';

import { all, one, pageSize, type Query } from './params.js';

describe('pageSize', () => {
  it.each<[Query, number]>([
    [{}, 1000],
    [{ n: '' }, 1000],
    [{ n: '0' }, 0],
    [{ n: '1' }, 1],
    [{ n: '007' }, 7],
    [{ n: '1000' }, 1000],
    [{ n: '1001' }, 1000],
    [{ n: String(2 ** 53) }, 1000],
    [{ n: String(2n ** 64n) }, 1000],
    [{ n: '9'.repeat(400) }, 1000],
    [{ 'n[]': '5' }, 1000],
  ])('of %j is %d', (query, size) => {
    expect(pageSize(query, 1000)).toBe(size);
  });

  it.each<Query>([
    { n: '-1' },
    { n: '1.5' },
    { n: '1e3' },
    { n: '0x10' },
    { n: 'abc' },
    { n: ' 1' },
    { n: '1\n' },
    { n: '\uff11' },
    { n: 'Infinity' },
    { n: 'NaN' },
    { n: '9'.repeat(401) },
    { n: ['1', '2'] },
    { n: ['1', '1'] },
    { n: [] },
  ])('of %j is none', (query) => {
    expect(() => pageSize(query, 1000)).toThrow(PaginationNumberInvalid);
  });
});

describe('a parameter', () => {
  it('that stands twice counts as its first, where one is wanted', () => {
    expect([one({ a: 'x' }, 'a'), one({ a: ['x', 'y'] }, 'a'), one({}, 'a')]).toEqual([
      'x',
      'x',
      undefined,
    ]);
    expect([all({ a: 'x' }, 'a'), all({ a: ['x', 'y'] }, 'a'), all({}, 'a')]).toEqual([
      ['x'],
      ['x', 'y'],
      [],
    ]);
  });
});
