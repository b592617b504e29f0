import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { hash } from 'bcrypt';

import { startHoldfast, type Holdfast } from '../support/holdfast.js';
import { basic } from '../support/htpasswd.js';
import { TempDir } from '../support/temp-dir.js';

jest.setTimeout(60_000);

const long = 'x'.repeat(72);

describe('H6: hostile credentials and htpasswd files', () => {
  let folder: TempDir;
  let registry: Holdfast;
  let stored: string;

  beforeAll(async () => {
    folder = await TempDir.create('hostile');
    const path = folder.join('htpasswd');
    stored = await hash('secret', 10);
    await writeFile(
      path,
      [
        `anna:${stored}`,
        `long:${await hash(long, 10)}`,
        'sha:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=',
        'md5:$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/',
        'plain:secret',
        'nothing:',
        `cut:${stored.slice(0, -1)}`,
        'dear:$2b$31$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
        `:${stored}`,
        `__proto__:{SHA}x`,
      ].join('\n'),
    );
    registry = await startHoldfast({ config: { auth: { htpasswd: { realm: 'r', path } } } });
  });
  afterAll(async () => {
    await registry?.stop();
    await folder?.remove();
  });

  /** By Node's own client, which sends what `fetch` refuses to. */
  function ask(...authorization: string[]): Promise<number | undefined> {
    const headers = authorization.flatMap((value) => ['Authorization', value]);
    return new Promise((resolve, reject) => {
      request(
        `${registry.url}/v2/`,
        { agent: false, headers: ['Host', registry.host, ...headers] },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      )
        .on('error', reject)
        .end();
    });
  }

  const encoded = (bytes: Buffer) => `Basic ${bytes.toString('base64')}`;

  it('lets in who has the password, so that a refusal means something', async () => {
    expect(await ask(basic('anna', 'secret'))).toBe(200);
    expect(await ask(basic('long', long))).toBe(200);
  });

  it.each<[string, () => string[]]>([
    ['72 right bytes and one more', () => [basic('long', `${long}y`)]],
    ['the right password and NUL', () => [basic('anna', 'secret\0')]],
    ['the right password, NUL and more', () => [basic('anna', 'secret\0more')]],
    ['the hash as password', () => [basic('anna', stored)]],
    ['no password', () => [basic('anna', '')]],
    ['another case', () => [basic('Anna', 'secret')]],
    ['a space more', () => [basic('anna ', 'secret')]],
    ['a user of no name', () => [basic('', 'secret')]],
    ['SHA-1', () => [basic('sha', 'password')]],
    ['MD5', () => [basic('md5', 'myPassword')]],
    ['plain text', () => [basic('plain', 'secret')]],
    ['a user without a hash', () => [basic('nothing', '')]],
    ['a hash that is cut', () => [basic('cut', 'secret')]],
    ['a hash that would take days', () => [basic('dear', 'secret')]],
    ['what every object has', () => [basic('__proto__', 'x')]],
    ['a newline', () => [basic('anna\n', 'secret')]],
    ['Latin-1', () => [encoded(Buffer.from('b\u00fcro:x', 'latin1'))]],
    ['overlong UTF-8', () => [encoded(Buffer.from([0xc1, 0xa1, 0x3a, 0x78]))]],
    ['base64 for URLs', () => ['Basic YW5uYTpzZWNyZX_-']],
    ['a bearer token', () => [basic('anna', 'secret').replace('Basic', 'Bearer')]],
    ['two credentials in one', () => [`${basic('x', 'y')}, ${basic('anna', 'secret')}`]],
    ['wrong ones before the right ones', () => [basic('x', 'y'), basic('anna', 'secret')]],
    ['8,000 letters', () => [`Basic ${'A'.repeat(8_000)}`]],
    ['8,000 dots', () => [`Bearer ${'.'.repeat(8_000)}`]],
  ])('refuses %s', async (_what, authorization) => {
    const start = performance.now();
    expect(await ask(...authorization())).toBe(401);
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it('names each line that lets nobody in, and repeats no hash', () => {
    for (const user of ['sha', 'md5', 'plain', 'nothing', 'cut', 'dear']) {
      expect(registry.output).toMatch(new RegExp(`htpasswd line lets nobody in.*\\b${user}\\b`));
    }
    for (const secret of ['5en6G6', 'HqJZim', '$2b$', 'aaaaaaaaaaaaaaa']) {
      expect(registry.output).not.toContain(secret);
    }
  });

  it('takes as long for a user who is not there as for a wrong password', async () => {
    const times = { known: [] as number[], unknown: [] as number[] };
    for (let round = 0; round < 9; round++) {
      for (const [kind, user] of [
        ['known', 'anna'],
        ['unknown', `nobody${round}`],
      ] as const) {
        const start = performance.now();
        expect(await ask(basic(user, `guess ${round}`))).toBe(401);
        const taken = performance.now() - start;
        times[kind].push(taken);
        // The queue rests three times as long as the check took, and the next would wait for that.
        await delay(taken * 4);
      }
    }
    // What else the machine does only adds: the quickest answers tell what each takes.
    const [unknown, known] = [Math.min(...times.unknown), Math.min(...times.known)];
    const ratio = unknown / known;
    process.stderr.write(
      `H6: unknown user ${unknown.toFixed(1)} ms, wrong password ${known.toFixed(1)} ms\n`,
    );
    expect(ratio).toBeGreaterThan(0.4);
    expect(ratio).toBeLessThan(2.5);
  });
});
