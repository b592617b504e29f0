import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { exchange } from '../support/exchange.js';
import { type Holdfast, startHoldfast } from '../support/holdfast.js';
import { until } from '../support/until.js';
import { locationOf } from './http-pusher.js';

jest.setTimeout(120_000);

const slow = 300;

describe('G1: slow clients', () => {
  let registry: Holdfast;
  const sockets: Socket[] = [];
  beforeEach(async () => {
    registry = await startHoldfast({
      config: { http: { workers: 1, limits: { headertimeout: '2s', stalltimeout: '2s' } } },
    });
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await registry?.stop();
  });

  async function open(count: number, head: (index: number) => string): Promise<Socket[]> {
    const port = Number(new URL(registry.url).port);
    const opened = await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const socket = connect(port, '127.0.0.1').on('error', () => undefined);
        await once(socket, 'connect');
        socket.write(head(index));
        return socket.resume();
      }),
    );
    sockets.push(...opened);
    return opened;
  }

  /** One byte to each, again and again, until all were closed; how many requests of a fast client were answered while all were open. */
  async function dribble(opened: readonly Socket[], byte: string): Promise<number> {
    let answered = 0;
    await until('all to be closed', async () => {
      for (const socket of opened) if (!socket.destroyed) socket.write(byte);
      expect((await exchange(registry.url, '/v2/')).status).toBe(200);
      if (opened.every((socket) => !socket.destroyed)) answered++;
      return opened.every((socket) => socket.destroyed || socket.closed);
    });
    return answered;
  }

  it(`cuts ${slow} heads that dribble, while a fast client is served`, async () => {
    const opened = await open(slow, () => 'GET /v2/ HTTP/1.1\r\nHost: a\r\nX-Slow: ');
    expect(await dribble(opened, 'x')).toBeGreaterThan(0);
  });

  it(`cuts ${slow} bodies that dribble, while a fast client is served`, async () => {
    const begun = await Promise.all(
      Array.from({ length: slow }, async () => {
        const options = { method: 'POST' };
        const answer = await exchange(registry.url, '/v2/team/slow/blobs/uploads/', options);
        return locationOf(answer.headers.location ?? null);
      }),
    );
    const opened = await open(
      slow,
      (index) =>
        `PATCH ${begun[index] ?? ''} HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n`,
    );
    expect(await dribble(opened, 'x')).toBeGreaterThan(0);
    const line = await registry.process.waitForLine(/connection cut: its body made no progress/);
    expect(line).toContain('method=PATCH');
  });
});
