import { describe, expect, it } from '@jest/globals';

import { bareMediaType, isMediaType } from './media-type.js';

describe('a media type', () => {
  it.each([
    [undefined, ''],
    ['', ''],
    ['application/json', 'application/json'],
    ['Application/JSON; charset=utf-8', 'application/json'],
    ['  a/b ;x=1;y=2', 'a/b'],
    [';', ''],
  ])('of the header %j is %j', (header, type) => {
    expect(bareMediaType(header)).toBe(type);
  });

  it.each(['application/vnd.oci.image.manifest.v1+json', 'a/b', 'A/B', 'x-y/z.1_2^3&4$5#6!7'])(
    'may be %s',
    (type) => {
      expect(isMediaType(type)).toBe(true);
    },
  );

  it.each([
    '',
    'a',
    'a/',
    '/b',
    'a/b/c',
    'a/b; c=d',
    'a/b\r\nset-cookie: c=d',
    'a/b\n',
    'a/ü',
    'a/\u{1f600}',
    '*/*',
    `a/${'b'.repeat(300)}`,
  ])('may not be %j', (type) => {
    expect(isMediaType(type)).toBe(false);
  });
});
