import { connect as connectHttp2, type OutgoingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { httpConfig } from './http-config.js';
import { Listener } from './listener.js';
import { exchange } from './testing/raw-exchange.js';

const chunks = '\r\n\r\n5\r\nhello\r\n0\r\n\r\n';
const close = 'Connection: close\r\n';

describe('the head of a request', () => {
  let listener: Listener;
  let port: number;
  beforeAll(async () => {
    listener = new Listener(httpConfig.parse({ addr: '127.0.0.1:0', h2c: { enabled: true } }));
    listener.createServer((request, response) => {
      void text(request).then((body) => response.writeHead(202).end(body));
    });
    await listener.listen();
    ({ port } = listener.front.address() as AddressInfo);
  });
  afterAll(() => {
    listener?.close();
    listener?.destroy();
  });

  it.each<[string, string, number]>([
    ['no host', `GET / HTTP/1.1\r\n${close}\r\n`, 400],
    ['two hosts', `GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n${close}\r\n`, 400],
    ['two hosts that are one', `GET / HTTP/1.1\r\nHost: a\r\nhOST: a\r\n${close}\r\n`, 400],
    ['two hosts of HTTP/1.0', 'GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n', 400],
    ['a host of two words', `GET / HTTP/1.1\r\nHost: a b\r\n${close}\r\n`, 400],
    ['a host with a user', `GET / HTTP/1.1\r\nHost: me@a\r\n${close}\r\n`, 400],
    ['a host with a path', `GET / HTTP/1.1\r\nHost: a/b\r\n${close}\r\n`, 400],
    ['a host with a port that is none', `GET / HTTP/1.1\r\nHost: a:b\r\n${close}\r\n`, 400],
    ['a host with half a bracket', `GET / HTTP/1.1\r\nHost: [::1\r\n${close}\r\n`, 400],
    ['a host outside ASCII', `GET / HTTP/1.1\r\nHost: \xe4\r\n${close}\r\n`, 400],
    ['an empty host', `GET / HTTP/1.1\r\nHost:\r\n${close}\r\n`, 202],
    ['a host and its port', `GET / HTTP/1.1\r\nHost: a-b.c_d:5000\r\n${close}\r\n`, 202],
    ['an address', `GET / HTTP/1.1\r\nHost: [2001:db8::1]:5000\r\n${close}\r\n`, 202],
    ['a host of escapes', `GET / HTTP/1.1\r\nHost: a%20b!$\r\n${close}\r\n`, 202],
    ['HTTP/1.0 without a host', 'GET / HTTP/1.0\r\n\r\n', 202],
    ['chunks', `POST / HTTP/1.1\r\nHost: a\r\n${close}Transfer-Encoding: chunked${chunks}`, 202],
    ['Chunks', `POST / HTTP/1.1\r\nHost: a\r\n${close}Transfer-Encoding: Chunked${chunks}`, 202],
    [
      'another coding',
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked${chunks}`,
      501,
    ],
    [
      'codings in two lines',
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked${chunks}`,
      501,
    ],
    [
      'chunks of chunks',
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked${chunks}`,
      400,
    ],
    [
      'chunks in HTTP/1.0',
      `POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked${chunks}`,
      400,
    ],
  ])('with %s is answered once', async (_what, bytes, status) => {
    const [head = '', body = ''] = (await exchange(port, bytes)).split('\r\n\r\n');
    expect(head.split(' ', 2)).toEqual(['HTTP/1.1', String(status)]);
    if (status === 202) return;
    expect(head).toMatch(/^connection: close$/im);
    expect(head).toMatch(/^content-type: application\/json/im);
    expect(JSON.parse(body)).toEqual({
      errors: [{ code: 'UNSUPPORTED', message: expect.any(String) }],
    });
  });

  it.each<[string, OutgoingHttpHeaders, number]>([
    ['an authority', { ':authority': 'a:5000' }, 202],
    ['an authority and its host', { ':authority': 'a:5000', host: 'a:5000' }, 202],
    ['an authority and another host', { ':authority': 'a:5000', host: 'b:5000' }, 400],
    ['an authority with a port that is none', { ':authority': 'a:b' }, 400],
  ])('of HTTP/2 with %s', async (_what, headers, status) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    try {
      const stream = session.request({ ':path': '/', ...headers });
      const head = new Promise((resolve, reject) => {
        stream.once('error', reject).once('response', (answer) => resolve(answer[':status']));
      });
      expect(await head).toBe(status);
      const body = await text(stream);
      expect(body).toMatch(status === 202 ? /^$/ : /^\{"errors":\[\{"code":"UNSUPPORTED"/);
    } finally {
      session.close();
    }
  });
});
