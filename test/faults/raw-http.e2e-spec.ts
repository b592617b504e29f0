import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { exchange } from '../support/exchange.js';
import { type Holdfast, startHoldfast } from '../support/holdfast.js';
import { TempDir } from '../support/temp-dir.js';

jest.setTimeout(120_000);

/** A generator of numbers that a seed repeats. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return Math.floor((state / 4_294_967_296) * below);
  };
}

const head = 'HTTP/1.1\r\nHost: registry\r\n';
const uploads = '/v2/team/app/blobs/uploads/';

describe('H1: what is not HTTP', () => {
  let registry: Holdfast;
  let folder: TempDir;
  beforeAll(async () => {
    folder = await TempDir.create('raw');
    registry = await startHoldfast({ config: { http: { workers: 1 } } });
  });
  afterAll(async () => {
    await registry?.stop();
    await folder?.remove();
  });

  /** All that comes back before the connection ends, which the client asks for after its last byte. */
  function talk(bytes: string): Promise<string> {
    const socket = connect(Number(new URL(registry.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    socket.end(bytes, 'latin1');
    return text(socket).catch(() => '');
  }

  const statuses = (answer: string) =>
    [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));

  it.each<[string, string, number[]]>([
    [
      'length and chunks',
      `POST ${uploads} ${head}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG`,
      [400],
    ],
    [
      'chunks that are not last',
      `POST ${uploads} ${head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`,
      [400],
    ],
    [
      'a hidden coding',
      `POST ${uploads} ${head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
      [400],
    ],
    [
      'two lengths',
      `POST ${uploads} ${head}Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello`,
      [400],
    ],
    ['a length with a sign', `POST ${uploads} ${head}Content-Length: +5\r\n\r\nhello`, [400]],
    [
      'a coding before the chunks',
      `POST ${uploads} ${head}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
      [501],
    ],
    [
      'chunks in HTTP/1.0',
      `POST ${uploads} HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      [400],
    ],
    ['two hosts', `GET /v2/ ${head}Host: other\r\n\r\n`, [400]],
    ['a host of two words', 'GET /v2/ HTTP/1.1\r\nHost: a b\r\n\r\n', [400]],
    ['a space before the colon', `GET /v2/ ${head}Content-Length : 5\r\n\r\nhello`, [400]],
    ['a folded header', `GET /v2/ ${head}X: a\r\n b\r\n\r\n`, [400]],
    ['bare line feeds', 'GET /v2/ HTTP/1.1\nHost: a\n\n', [400]],
    ['a null byte', `GET /v2/ ${head}X: \0\r\n\r\n`, [400]],
    ['a header of 40 KB', `GET /v2/ ${head}X: ${'x'.repeat(40_000)}\r\n\r\n`, [431]],
    ['a path of 20 KB', `GET /v2/${'a'.repeat(20_000)} ${head}\r\n`, [414]],
    ['TRACE', `TRACE /v2/ ${head}Connection: close\r\n\r\n`, [405]],
    ['CONNECT', `CONNECT registry:443 ${head}\r\n`, [405]],
    ['an unknown method', `BREW /v2/ ${head}\r\n`, [400]],
    [
      'an upgrade to h2c',
      `GET /v2/ ${head}Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n`,
      [200],
    ],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400]],
    ['the absolute form', `GET http://registry/v2/ ${head}Connection: close\r\n\r\n`, [200]],
    [
      'a pipeline',
      `GET /v2/ ${head}\r\nGET /v2/a/tags/list ${head}Connection: close\r\n\r\n`,
      [200, 404],
    ],
    ['HTTP/1.0', 'GET /v2/ HTTP/1.0\r\n\r\n', [200]],
    ['HTTP/0.9', 'GET /v2/\r\n\r\n', [400]],
  ])('%s', async (_what, bytes, expected) => {
    const answer = await talk(bytes);
    expect(statuses(answer)).toEqual(expected);
    expect(answer.match(/docker-distribution-api-version: registry\/2\.0/gi)).toHaveLength(
      expected.length,
    );
  });

  it('a bad chunk in the middle of an upload ends it and nothing else', async () => {
    const begun = await exchange(registry.url, uploads, { method: 'POST' });
    const { pathname, search } = new URL(begun.headers.location ?? '');
    const bytes = `PATCH ${pathname}${search} ${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n`;
    expect(statuses(await talk(bytes)).every((status) => status >= 400 && status < 500)).toBe(true);
    expect((await exchange(registry.url, '/v2/')).status).toBe(200);
  });

  it('a thousand mutilated requests: no 5xx, no second answer to a smuggled request, no crash', async () => {
    const seed = Number(process.env['HOLDFAST_TEST_SEED'] ?? Date.now() % 1_000_000);
    const next = random(seed);
    const canary = 'GET /v2/_catalog?canary=1 HTTP/1.1';
    const whole = [
      `GET /v2/ ${head}Accept: */*\r\n\r\n`,
      `POST ${uploads} ${head}Content-Length: 5\r\n\r\nhello`,
      `POST ${uploads} ${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
      `PUT /v2/team/app/manifests/1 ${head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
      `GET /v2/team/app/blobs/sha256:${'0'.repeat(64)} ${head}Range: bytes=0-5\r\n\r\n`,
    ];
    const bits = [
      '\r',
      '\n',
      '\0',
      ' ',
      ':',
      '\r\n',
      '\r\n\r\n',
      ',',
      'chunked',
      '-1',
      '\xff',
      canary,
    ];
    const failures: string[] = [];
    const cases = 1000;
    for (let done = 0; done < cases; done += 25) {
      await Promise.all(
        Array.from({ length: 25 }, async () => {
          let bytes = whole[next(whole.length)] ?? '';
          for (let times = 1 + next(3); times > 0; times--) {
            const at = next(bytes.length);
            bytes =
              bytes.slice(0, at) + (bits[next(bits.length)] ?? '') + bytes.slice(at + next(3));
          }
          const answer = await talk(bytes);
          const found = statuses(answer);
          const lines = bytes.split(/\r?\n/).filter((line) => / HTTP\/1\.[01]$/.test(line)).length;
          const unexpected = found.some((status) => status >= 500 && status !== 501);
          if (unexpected || found.length > Math.max(1, lines) + 1) {
            failures.push(`${JSON.stringify(bytes)} -> ${found.join()}`);
          }
        }),
      );
    }
    process.stderr.write(`H1: ${cases} requests with seed ${seed}, ${failures.length} wrong\n`);
    expect(failures).toEqual([]);
    expect(registry.process.running).toBe(true);
    expect((await exchange(registry.url, '/v2/')).status).toBe(200);
  });
});

describe('H4: forwarding headers from somewhere else', () => {
  it('change nothing and are told of once', async () => {
    const registry = await startHoldfast({
      config: { http: { workers: 1, trustedproxies: ['192.0.2.1'] } },
    });
    try {
      const headers = {
        forwarded: 'host=evil.example;proto=https',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'javascript',
      };
      for (let time = 0; time < 3; time++) {
        const answer = await exchange(registry.url, uploads, { method: 'POST', headers });
        expect(answer.headers.location).toMatch(new RegExp(`^${registry.url}/v2/team/app/`));
      }
      await registry.process.waitForLine(/outside http\.trustedproxies/);
      expect(registry.output.match(/outside http\.trustedproxies/g)).toHaveLength(1);
    } finally {
      await registry.stop();
    }
  });
});
