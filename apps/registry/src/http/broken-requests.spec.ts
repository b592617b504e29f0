import type { AddressInfo } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { httpConfig } from './http-config.js';
import { Listener } from './listener.js';
import { exchange } from './testing/raw-exchange.js';

describe('a listener', () => {
  let listener: Listener;
  let port: number;
  beforeAll(async () => {
    const headers = { 'X-Added': ['a', 'b'], 'Content-Type': 'x/y' };
    listener = new Listener(httpConfig.parse({ addr: '127.0.0.1:0', headers }));
    listener.createServer((_request, response) => void response.end());
    await listener.listen();
    ({ port } = listener.front.address() as AddressInfo);
  });
  afterAll(() => {
    listener?.close();
    listener?.destroy();
  });

  it.each([
    [
      'a path that is too long',
      `GET /${'x'.repeat(17_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
      414,
      'SIZE_INVALID',
    ],
    [
      'headers that are too large',
      `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`,
      431,
      'SIZE_INVALID',
    ],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', 400, 'UNSUPPORTED'],
    ['nonsense', 'hello\r\n\r\n', 400, 'UNSUPPORTED'],
    ['HTTP/0.9', 'GET /\r\n\r\n', 400, 'UNSUPPORTED'],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
      400,
      'UNSUPPORTED',
    ],
    [
      'length and chunks',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
      'UNSUPPORTED',
    ],
    [
      'an unknown expectation',
      'POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nConnection: close\r\n\r\n',
      417,
      'UNSUPPORTED',
    ],
    ['a tunnel', 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', 405, 'UNSUPPORTED'],
  ])('H1: refuses %s in the words of the spec', async (_what, bytes, status, code) => {
    const [head = '', body = ''] = (await exchange(port, bytes)).split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(head.match(/^x-added: [ab]$/gim)).toHaveLength(2);
    expect(head.match(/^content-type: .*$/gim)).toEqual([
      expect.stringMatching(/: application\/json$/),
    ]);
    expect(head).toMatch(/docker-distribution-api-version: registry\/2.0/i);
    expect(head).toMatch(/connection: close/i);
    expect(JSON.parse(body)).toMatchObject({ errors: [{ code }] });
  });
});
