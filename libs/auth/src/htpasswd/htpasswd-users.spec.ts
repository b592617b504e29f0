import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { BcryptHash } from './bcrypt-hash.js';
import { HtpasswdInvalid, HtpasswdUsers, isUserName } from './htpasswd-users.js';

/** `htpasswd -nbBC 4 … secret` */
const apacheHash = '$2y$04$YvJpwbjMq9yWuiqcA3AeEu5laoNKLXCAiyOVQBkh1duag7G14Ih/C';

const hash = (mark: string) => `$2b$04$${mark.repeat(22)}${'a'.repeat(31)}`;

describe('HtpasswdUsers', () => {
  it('reads users, and skips blank lines, comments and what follows a second colon', () => {
    const users = HtpasswdUsers.parse(
      `\uFEFF# staff\r\n\r\n  anna:${hash('b')}  \r\n   # robots\nci:${hash('c')}:since May\n`,
    );
    expect(users.size).toBe(2);
    expect(users.find('anna')?.toString()).toBe(hash('b'));
    expect(users.find('ci')?.toString()).toBe(hash('c'));
    expect(users.refused).toEqual([]);
  });

  it.each([
    ['$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/', "Apache's MD5"],
    ['{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=', 'SHA-1'],
    ['$5$saltsalt$x', 'SHA-256 crypt'],
    ['$6$saltsalt$x', 'SHA-512 crypt'],
    ['$y$j9T$x', 'yescrypt'],
    ['$argon2id$v=19$x', 'Argon2'],
    [hash('b').replace('$2b', '$2x'), 'the faulty bcrypt variant 2x'],
    [hash('b').slice(0, -1), 'damaged bcrypt'],
    ['$2b$04$', 'damaged bcrypt'],
    ['rqXexS6ZhobKA', 'DES crypt or plain text'],
    ['', 'plain text or an unknown kind'],
    ['swordfish', 'plain text or an unknown kind'],
    [hash('b').replace('$04', '$03'), 'bcrypt with cost 3, not from 4 to 17'],
    [hash('b').replace('$04', '$31'), 'bcrypt with cost 31, not from 4 to 17'],
  ])('lets nobody in by %s: %s', (text, kind) => {
    const users = HtpasswdUsers.parse(`old:${text}\nanna:${hash('b')}\n`);
    expect(users.find('old')).toBeUndefined();
    expect(users.size).toBe(1);
    expect(users.refused).toEqual([
      { line: 1, user: 'old', reason: `only bcrypt is accepted, not ${kind}` },
    ]);
  });

  it('takes the last line of a user, as Distribution does, and tells about the others', () => {
    const users = HtpasswdUsers.parse(`anna:${hash('b')}\nanna:${hash('c')}\n`);
    expect(users.find('anna')?.toString()).toBe(hash('c'));
    expect(users.refused).toEqual([{ line: 1, user: 'anna', reason: 'overridden by line 2' }]);
  });

  it('does not fall back to an earlier line when the last one cannot be used', () => {
    expect(HtpasswdUsers.parse(`anna:${hash('b')}\nanna:{SHA}x\n`).find('anna')).toBeUndefined();
  });

  it('refuses a file that is something else, without repeating it', () => {
    expect(() => HtpasswdUsers.parse('# fine\n\nswordfish\n')).toThrow(HtpasswdInvalid);
    expect(() => HtpasswdUsers.parse('# fine\n\nswordfish\n')).toThrow(
      'line 3 is not of the form user:hash',
    );
  });

  it.each(['__proto__', 'constructor', 'toString'])('knows no user %s by birth', (user) => {
    expect(HtpasswdUsers.parse(`anna:${hash('b')}`).find(user)).toBeUndefined();
  });

  it('checks an unknown user at a cost that is in the file, always the same', () => {
    const users = HtpasswdUsers.parse(
      `a:${hash('b')}\nb:${hash('b').replace('$04', '$05')}\nc:${hash('b').replace('$04', '$12')}`,
    );
    const costs = Array.from({ length: 200 }, (_, index) => users.dummyFor(`user${index}`).cost);
    expect(new Set(costs)).toEqual(new Set([4, 5, 12]));
    expect(users.dummyFor('user7').cost).toBe(costs[7]);
    expect(HtpasswdUsers.none.dummyFor('anybody').cost).toBe(10);
  });

  it('checks it at the same cost in each process that has the file, and mostly after an edit', () => {
    const names = Array.from({ length: 200 }, (_, index) => `user${index}`);
    const lines = Array.from(
      { length: 20 },
      (_, index) => `anna${index}:${hash('b').replace('$04', index % 2 === 0 ? '$05' : '$11')}`,
    );
    const costs = (text: string) => {
      const users = HtpasswdUsers.parse(text);
      return names.map((name) => users.dummyFor(name).cost);
    };
    const before = costs(lines.join('\n'));
    expect(costs(lines.toReversed().join('\n'))).toEqual(before);
    const after = costs([...lines, lines[0]?.replace('anna0', 'ben')].join('\n'));
    expect(before.filter((cost, index) => cost === after[index]).length).toBeGreaterThan(180);
    expect(before.filter((cost) => cost === 5).length).toBeGreaterThan(60);
    expect(before.filter((cost) => cost === 11).length).toBeGreaterThan(60);
  });

  it('reads any text within its time, or refuses it by name', () => {
    const line = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.constantFrom('', ':', '#', ':::', `x:${hash('b')}`, `:${hash('b')}`, '\0:x', '\r'),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 50 }), (lines) => {
        const counted = lines.join('\n').split('\n').length;
        const outcome = parseOrRefuse(lines.join('\n'));
        expect(outcome === 'refused' || outcome.size + outcome.refused.length <= counted).toBe(
          true,
        );
      }),
    );
  });

  it('reads 100,000 lines of one user, and 16 MB of dollars, in seconds of processor time, not minutes', () => {
    const start = process.cpuUsage();
    expect(HtpasswdUsers.parse(`anna:${hash('b')}\n`.repeat(100_000)).size).toBe(1);
    expect(HtpasswdUsers.parse(`anna:${'$2b$'.repeat(4_000_000)}`).size).toBe(0);
    expect(process.cpuUsage(start).user / 1_000).toBeLessThan(10_000);
  });
});

function parseOrRefuse(text: string): HtpasswdUsers | 'refused' {
  try {
    return HtpasswdUsers.parse(text);
  } catch (error) {
    if (error instanceof HtpasswdInvalid) return 'refused';
    throw error;
  }
}

describe('isUserName', () => {
  it.each(['anna', 'Büro', 'a b', 'x'.repeat(255), 'user@example.org'])('takes %j', (text) => {
    expect(isUserName(text)).toBe(true);
  });

  it.each(['', 'a:b', 'a\nb', 'a\0', 'a\u007f', 'a\u0085', 'x'.repeat(256), 'ü'.repeat(128)])(
    'refuses %j',
    (text) => {
      expect(isUserName(text)).toBe(false);
    },
  );
});

describe('BcryptHash', () => {
  const parse = (text: string) => {
    const parsed = BcryptHash.parse(text);
    if (typeof parsed === 'string') throw new Error(parsed);
    return parsed;
  };

  it('checks what Apache wrote, under each of the three names of the variant', async () => {
    for (const variant of ['2a', '2b', '2y']) {
      const stored = parse(apacheHash.replace('2y', variant));
      expect(await stored.matches('secret')).toBe(true);
      expect(await stored.matches('Secret')).toBe(false);
      expect(await stored.matches('')).toBe(false);
    }
  });

  it('checks its own hashes', async () => {
    const stored = parse(await BcryptHash.of('grüße', 4));
    expect(await stored.matches('grüße')).toBe(true);
    expect(await stored.matches('grüsse')).toBe(false);
  });

  it('tells 72 bytes from 73 that begin alike', async () => {
    const stored = parse(await BcryptHash.of('x'.repeat(72), 4));
    expect(await stored.matches('x'.repeat(72))).toBe(true);
    expect(await stored.matches('x'.repeat(73))).toBe(false);
  });

  it('spends on a dummy what it would spend on a user', async () => {
    const stored = parse(await BcryptHash.of('secret', 8));
    const dummy = BcryptHash.dummy(8);
    // Of the processor, not of the clock, and in turns: a busy machine holds both up alike. All rounds together, because
    // the processor's time may be counted in ticks that are not much shorter than one of them.
    const time = async (hashed: BcryptHash) => {
      const start = process.cpuUsage();
      await hashed.matches('guess');
      return process.cpuUsage(start).user;
    };
    let [ofDummy, ofStored] = [0, 0];
    for (let round = 0; round < 20; round++) {
      ofDummy += await time(dummy);
      ofStored += await time(stored);
    }
    const ratio = ofDummy / ofStored;
    expect(ratio).toBeGreaterThan(0.5);
    expect(ratio).toBeLessThan(2);
    expect(await dummy.matches('')).toBe(false);
  });
});
