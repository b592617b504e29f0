import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { TcpFaultProxy } from './tcp-fault-proxy.js';

let echo: Server;
let proxy: TcpFaultProxy;
let clients: Socket[];

beforeEach(async () => {
  echo = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined).pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  proxy = await TcpFaultProxy.start(`127.0.0.1:${(echo.address() as AddressInfo).port}`);
  clients = [];
});

afterEach(async () => {
  for (const client of clients) client.destroy();
  await proxy.stop();
  echo.close();
});

async function dial(): Promise<Socket> {
  const client = connect(proxy.port, '127.0.0.1');
  clients.push(client);
  await once(client, 'connect');
  return client;
}

async function say(client: Socket, text: string): Promise<string> {
  client.write(text);
  const [answer] = (await once(client, 'data')) as [Buffer];
  return answer.toString();
}

/** The code of the error that a connection ends with. */
async function failure(client: Socket): Promise<unknown> {
  const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException];
  return error.code;
}

describe('TcpFaultProxy', () => {
  it('passes everything both ways, and each end on its own', async () => {
    const client = await dial();
    const content = Buffer.alloc(5_000_000, 'abcdefg');
    client.end(content);
    expect((await buffer(client)).equals(content)).toBe(true);
    expect(proxy.connections).toBe(1);
  });

  it('delays each piece, in both directions', async () => {
    const client = await dial();
    proxy.delay(50);
    const start = performance.now();
    expect(await say(client, 'ping')).toBe('ping');
    expect(performance.now() - start).toBeGreaterThan(98);
  });

  it('passes nothing while it is paused, and all of it afterwards', async () => {
    const client = await dial();
    expect(await say(client, 'one')).toBe('one');
    proxy.pause();
    const later = await dial();
    const answers = Promise.all([say(client, 'two'), say(later, 'three')]);
    client.setTimeout(100);
    await once(client, 'timeout');
    expect(client.bytesRead).toBe(3);
    proxy.resume();
    expect(await answers).toEqual(['two', 'three']);
  });

  it('cuts open connections', async () => {
    const client = await dial();
    await say(client, 'ping');
    const failed = failure(client);
    proxy.cut();
    expect(await failed).toBe('ECONNRESET');
    expect(await say(await dial(), 'ping')).toBe('ping');
  });

  it('ends a connection after so many bytes, which have arrived', async () => {
    proxy.cutAfter('answer', 6);
    const client = await dial();
    expect(await say(client, 'four')).toBe('four');
    expect(await say(client, 'four')).toBe('fo');
    await once(client, 'close');
    expect(proxy.cuts).toBe(1);
  });

  it('refuses connections until it accepts them again', async () => {
    const client = await dial();
    await say(client, 'ping');
    const failed = failure(client);
    await proxy.refuse();
    expect(await failed).toBe('ECONNRESET');
    expect(await failure(connect(proxy.port, '127.0.0.1'))).toBe('ECONNREFUSED');
    await proxy.heal();
    expect(await say(await dial(), 'ping')).toBe('ping');
  });
});
