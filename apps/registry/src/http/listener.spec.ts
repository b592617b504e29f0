import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect as connectHttp2, constants } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';

import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { httpConfig } from './http-config.js';
import { Listener } from './listener.js';
import { TestAuthority } from './testing/certificates.js';
import { exchange } from './testing/raw-exchange.js';
import { type KeyPair, type TlsContext, tlsContext } from './tls-settings.js';

const open: Listener[] = [];
afterEach(() => {
  for (const listener of open.splice(0)) {
    listener.close();
    listener.destroy();
  }
});

const echo = (request: IncomingMessage, response: ServerResponse): void => {
  void text(request).then((body) => {
    const { method, url, httpVersion } = request;
    response.end(JSON.stringify({ method, url, httpVersion, body }));
  });
};

interface Settings {
  readonly keys?: Record<string, unknown>;
  readonly tls?: TlsContext;
  readonly handler?: typeof echo;
}

async function listen({ keys = {}, tls, handler = echo }: Settings = {}) {
  const listener = new Listener(httpConfig.parse({ addr: '127.0.0.1:0', ...keys }), tls);
  listener.createServer(handler);
  open.push(listener);
  await listener.listen();
  return { listener, port: (listener.front.address() as AddressInfo).port };
}

async function overHttp2(origin: string, path: string, options: object = {}) {
  const session = connectHttp2(origin, options);
  try {
    const stream = session.request({ ':path': path, ':method': 'POST' });
    stream.end('hello');
    return JSON.parse(await text(stream)) as unknown;
  } finally {
    session.close();
  }
}

describe('Listener', () => {
  let authority: TestAuthority;
  let pair: KeyPair;
  let client: KeyPair;
  const https = (keys: Record<string, unknown> = {}) =>
    tlsContext(httpConfig.parse({ tls: keys }).tls, pair);

  beforeAll(async () => {
    authority = await TestAuthority.create();
    pair = await authority.issue(['localhost', '127.0.0.1']);
    client = await authority.issue(['client']);
  });

  it('answers HTTP/1.1', async () => {
    const { port } = await listen();
    const answer = await fetch(`http://127.0.0.1:${port}/v2/`, { method: 'POST', body: 'hello' });
    expect(await answer.json()).toEqual({
      method: 'POST',
      url: '/v2/',
      httpVersion: '1.1',
      body: 'hello',
    });
  });

  it('speaks HTTP/2 and HTTP/1.1 without TLS on one port', async () => {
    const { port } = await listen({ keys: { h2c: { enabled: true } } });
    expect(await overHttp2(`http://127.0.0.1:${port}`, '/two')).toMatchObject({
      url: '/two',
      httpVersion: '2.0',
      body: 'hello',
    });
    const large = 'x'.repeat(3_000_000);
    const answer = await fetch(`http://127.0.0.1:${port}/one`, { method: 'POST', body: large });
    expect(await answer.json()).toMatchObject({ url: '/one', httpVersion: '1.1', body: large });
  });

  it('takes the preface of HTTP/2 in pieces', async () => {
    const { port } = await listen({ keys: { h2c: { enabled: true } } });
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    for (const piece of ['PRI * HT', 'TP/2.0\r\n\r\nSM', '\r\n\r\n']) {
      socket.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const [settings] = (await socket.take(1).toArray()) as Buffer[];
    expect(settings?.[3]).toBe(4);
    socket.destroy();
  });

  it.each(['P', 'PRI', ''])('waits for the rest of %p no longer than for a head', async (start) => {
    const { port } = await listen({
      keys: { h2c: { enabled: true }, limits: { headertimeout: '1s' } },
    });
    expect(await exchange(port, start)).toBe('');
  });

  it('leaves HTTP/2 alone where it is not enabled', async () => {
    const { port } = await listen();
    expect(await exchange(port, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')).toMatch(/^HTTP\/1.1 400/);
  });

  it('chooses HTTP/2 or HTTP/1.1 over TLS by ALPN', async () => {
    const { port } = await listen({ tls: await https() });
    const ca = authority.pem;
    expect(await overHttp2(`https://localhost:${port}`, '/two', { ca })).toMatchObject({
      httpVersion: '2.0',
    });
    expect(await overHttps(port, { ca })).toMatchObject({ httpVersion: '1.1' });
  });

  it('offers no HTTP/2 when http.http2.disabled', async () => {
    const { port } = await listen({ keys: { http2: { disabled: true } }, tls: await https() });
    const options = {
      port,
      host: 'localhost',
      ca: authority.pem,
      ALPNProtocols: ['h2', 'http/1.1'],
    };
    const socket = connectTls(options);
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
  });

  it('keeps to minimumtls and ciphersuites', async () => {
    const ca = authority.pem;
    const modern = await listen({ tls: await https({ minimumtls: 'tls1.3' }) });
    await expect(overHttps(modern.port, { ca, maxVersion: 'TLSv1.2' })).rejects.toThrow(
      /alert|version|handshake/,
    );
    await expect(overHttps(modern.port, { ca })).resolves.toBeDefined();
    const suite = 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384';
    const { port } = await listen({ tls: await https({ ciphersuites: [suite] }) });
    const old = { ca, maxVersion: 'TLSv1.2' };
    await expect(
      overHttps(port, { ...old, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }),
    ).rejects.toThrow(/alert|version|handshake/);
    await expect(overHttps(port, old)).resolves.toBeDefined();
    await expect(overHttps(port, { ca, minVersion: 'TLSv1.3' })).resolves.toBeDefined();
  });

  it.each([
    ['request-client-cert', { none: true, foreign: true, ours: true }],
    ['require-any-client-cert', { none: false, foreign: true, ours: true }],
    ['verify-client-cert-if-given', { none: true, foreign: false, ours: true }],
    ['require-and-verify-client-cert', { none: false, foreign: false, ours: true }],
  ])('asks for client certificates as %s', async (clientauth, expected) => {
    const stranger = await TestAuthority.create();
    const foreign = await stranger.issue(['client']);
    const tls = { certificate: '-', key: '-', clientcas: ['-'], clientauth };
    const context = { ...(await https()), ca: authority.pem };
    const { port } = await listen({ keys: { tls }, tls: context });
    const works = (given: object) =>
      overHttps(port, { ca: authority.pem, ...given }).then(
        () => true,
        () => false,
      );
    expect({
      none: await works({}),
      foreign: await works(foreign),
      ours: await works(client),
    }).toEqual(expected);
    const origin = `https://localhost:${port}`;
    const options = { ca: authority.pem, ...foreign };
    const overTwo = await overHttp2(origin, '/', options).then(
      () => true,
      () => false,
    );
    expect(overTwo).toBe(expected.foreign);
  });

  it('takes a new certificate without a break', async () => {
    const { listener, port } = await listen({ tls: await https() });
    const agent = { ca: authority.pem };
    await overHttps(port, agent);
    const successor = await TestAuthority.create();
    pair = await successor.issue(['localhost']);
    listener.setSecureContext(await https());
    await expect(overHttps(port, agent)).rejects.toThrow(/verify|signature/);
    await expect(overHttps(port, { ca: successor.pem })).resolves.toBeDefined();
    pair = await authority.issue(['localhost']);
  });

  it('G1: cuts a head that does not come', async () => {
    const { port } = await listen({ keys: { limits: { headertimeout: '1s' } } });
    const started = performance.now();
    expect(await exchange(port, 'GET / HTTP/1.1\r\nHost: a\r\nX: ')).toMatch(/^HTTP\/1.1 408 /);
    expect(performance.now() - started).toBeLessThan(6000);
  });

  it('refuses connections beyond the limit', async () => {
    const { port } = await listen({ keys: { limits: { connections: 1 } } });
    const first = connect(port, '127.0.0.1');
    await new Promise((resolve) => first.once('connect', resolve));
    expect(await exchange(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')).toBe('');
    first.destroy();
  });

  it('ends a session of HTTP/2 that resets all it opens', async () => {
    let handled = 0;
    const { port } = await listen({
      keys: { h2c: { enabled: true } },
      handler: () => void handled++,
    });
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    session.on('error', () => undefined);
    const ended = new Promise((resolve) => session.once('close', resolve));
    let opened = 0;
    const attack = () => {
      for (let count = 0; count < 100 && !session.closed && !session.destroyed; count++, opened++) {
        const stream = session.request({ ':path': '/' }, { endStream: true });
        stream.on('error', () => undefined);
        stream.close(constants.NGHTTP2_CANCEL);
      }
      if (!session.destroyed && opened < 100_000) setImmediate(attack);
      else session.destroy();
    };
    attack();
    await ended;
    expect(opened).toBeLessThan(100_000);
    expect(handled).toBeLessThan(10_000);
  });

  it('names the key and the cause when it cannot listen', async () => {
    const { port } = await listen();
    await expect(listen({ keys: { addr: `127.0.0.1:${port}` } })).rejects.toThrow(
      `http.addr: 127.0.0.1:${port} is in use by another process`,
    );
  });
});

function overHttps(port: number, options: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    httpsRequest({ port, host: 'localhost', agent: false, ...options }, (answer) => {
      text(answer).then((body) => resolve(JSON.parse(body)), reject);
    })
      .on('error', reject)
      .end();
  });
}
