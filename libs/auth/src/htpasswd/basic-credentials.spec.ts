import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { parseBasicCredentials } from './basic-credentials.js';
import { isUserName } from './htpasswd-users.js';

const basic = (content: string | Uint8Array) => `Basic ${Buffer.from(content).toString('base64')}`;

describe('parseBasicCredentials', () => {
  it.each([
    [basic('anna:secret'), 'anna', 'secret'],
    [basic('anna:a:b'), 'anna', 'a:b'],
    [basic('anna:'), 'anna', ''],
    [basic('Büro:grüße'), 'Büro', 'grüße'],
    [basic('anna:secret').replace('Basic ', 'bAsIc   '), 'anna', 'secret'],
    [basic('anna:secre').replace(/=+$/, ''), 'anna', 'secre'],
    [basic(`${'u'.repeat(255)}:${'p'.repeat(72)}`), 'u'.repeat(255), 'p'.repeat(72)],
  ])('reads %s', (authorization, user, password) => {
    expect(parseBasicCredentials(authorization)).toEqual({ user, password });
  });

  it.each([
    ['nothing', ''],
    ['another scheme', 'Bearer eA=='],
    ['no credentials', 'Basic '],
    ['a tab instead of a space', 'Basic\tYTpi'],
    ['what is not base64', 'Basic anna:secret'],
    ['base64 with something after it', `${basic('anna:secret')} x`],
    ['two headers joined', `${basic('anna:secret')}, ${basic('anna:secret')}`],
    ['no colon', basic('anna')],
    ['no user', basic(':secret')],
    ['Latin-1', basic(Buffer.from('B\u00fcro:x', 'latin1'))],
    ['overlong UTF-8', basic(Uint8Array.of(0xc0, 0xba, 0x3a, 0x61))],
    ['NUL in the user', basic('an\0na:x')],
    ['NUL in the password', basic('anna:secret\0x')],
    ['a line break', basic('anna:secret\n')],
    ['a password of 73 bytes', basic(`anna:${'p'.repeat(73)}`)],
    ['a password of 72 letters in 144 bytes', basic(`anna:${'ü'.repeat(72)}`)],
    ['a user of 256 bytes', basic(`${'u'.repeat(256)}:x`)],
    ['a megabyte', basic('a:'.repeat(500_000))],
  ])('refuses %s', (_what, authorization) => {
    expect(parseBasicCredentials(authorization)).toBeUndefined();
  });

  it('reads back whatever user and password a client may have', () => {
    const user = fc.string({ unit: 'grapheme', maxLength: 60 }).filter(isUserName);
    const password = fc.string({ unit: 'grapheme-ascii', maxLength: 72 });
    fc.assert(
      fc.property(user, password, (name, secret) => {
        expect(parseBasicCredentials(basic(`${name}:${secret}`))).toEqual({
          user: name,
          password: secret,
        });
      }),
    );
  });

  it('refuses a thousand hostile megabytes without looking at each letter', () => {
    const hostile = ['Basic ' + 'A'.repeat(1e6), 'Basic' + ' '.repeat(1e6), '='.repeat(1e6)];
    let read = 0;
    const start = process.cpuUsage();
    for (let round = 0; round < 1_000; round++) {
      for (const header of hostile) if (parseBasicCredentials(header) !== undefined) read++;
    }
    expect(process.cpuUsage(start).user / 1_000).toBeLessThan(500);
    expect(read).toBe(0);
  });
});
