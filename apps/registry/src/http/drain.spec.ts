import { type IncomingMessage, request } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';

import { afterEach, describe, expect, it } from '@jest/globals';

import { Drain, drainDoor } from './drain.js';
import { httpConfig } from './http-config.js';
import { Listener } from './listener.js';

const open: Listener[] = [];
afterEach(() => {
  for (const listener of open.splice(0)) {
    listener.close();
    listener.destroy();
  }
});

const quiet = { info: () => undefined, warn: () => undefined };

/** A server that answers `/slow` when the test says. */
async function serve(keys: Record<string, unknown> = {}) {
  const config = httpConfig.parse({ addr: '127.0.0.1:0', h2c: { enabled: true }, ...keys });
  const listener = new Listener(config);
  open.push(listener);
  let finish = () => undefined as void;
  const may = new Promise<void>((resolve) => (finish = resolve));
  const arrived = new Promise<void>((resolve) => {
    listener.createServer((incoming, response) => {
      if (incoming.url !== '/slow') return void response.end('fast');
      resolve();
      incoming.resume();
      return void may.then(() => response.end('slow'));
    });
  });
  await listener.listen();
  const hurry = new AbortController();
  const drain = new Drain();
  const go = (drainwait = 0, draintimeout = 60_000) =>
    drainDoor(listener, { drainwait, draintimeout }, drain, { hurry: hurry.signal, log: quiet });
  const { port } = listener.front.address() as AddressInfo;
  return { port, listener, finish, arrived, drain, go, hurry };
}

const get = (port: number, path: string) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    request({ port, path, agent: false, headers: { connection: 'keep-alive' } }, resolve)
      .on('error', reject)
      .end();
  });

const connected = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket)).once('error', reject);
  });

const closed = (socket: Socket): Promise<unknown> =>
  new Promise((resolve) => void socket.resume().once('close', resolve));

describe('A5: the drain', () => {
  it('fails readiness at once, serves on while it waits, and ends every connection that it answers', async () => {
    const { port, drain, go, hurry } = await serve();
    expect(drain.draining).toBe(false);
    const done = go(60_000);
    expect(drain.draining).toBe(true);
    const answer = await get(port, '/');
    expect(answer.headers.connection).toBe('close');
    expect(await text(answer)).toBe('fast');
    hurry.abort();
    expect(await done).toBe(true);
  });

  it('lets requests under way finish, and tells them that it was the last', async () => {
    const { port, arrived, finish, go } = await serve();
    const answer = get(port, '/slow');
    await arrived;
    const done = go();
    await expect(connected(port)).rejects.toThrow('ECONNREFUSED');
    finish();
    expect((await answer).headers.connection).toBe('close');
    expect(await text(await answer)).toBe('slow');
    expect(await done).toBe(true);
  });

  it('lets streams of HTTP/2 finish', async () => {
    const { port, arrived, finish, go } = await serve();
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    const stream = session.request({ ':path': '/slow' });
    const ended = new Promise((resolve) => session.once('close', resolve));
    await arrived;
    const done = go();
    await new Promise((resolve) => session.once('goaway', resolve));
    finish();
    expect(await text(stream)).toBe('slow');
    expect(await done).toBe(true);
    await ended;
  });

  it('closes idle connections at once', async () => {
    const { port, arrived, finish, go } = await serve();
    const idle = await connected(port);
    idle.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await new Promise((resolve) => idle.once('data', resolve));
    const answer = get(port, '/slow');
    await arrived;
    const done = go();
    await closed(idle);
    finish();
    expect(await text(await answer)).toBe('slow');
    expect(await done).toBe(true);
  });

  it('cuts what has not finished within http.draintimeout', async () => {
    const { port, arrived, go } = await serve();
    const answer = get(port, '/slow');
    answer.catch(() => undefined);
    await arrived;
    expect(await go(0, 100)).toBe(false);
    await expect(answer).rejects.toThrow('hang up');
  });

  it('stops at once when hurried', async () => {
    const { port, arrived, go, hurry } = await serve();
    const answer = get(port, '/slow');
    answer.catch(() => undefined);
    await arrived;
    const done = go(60_000);
    hurry.abort();
    expect(await done).toBe(false);
  });

  it('does not wait for a client that has sent no request', async () => {
    const { port, go } = await serve({ h2c: { enabled: false } });
    const silent = await connected(port);
    expect(await go()).toBe(true);
    await closed(silent);
  });
});
