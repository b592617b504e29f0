import { type ClientRequest, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { request as requestHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';

import { afterEach, describe, expect, it } from '@jest/globals';

import { httpConfig } from './http-config.js';
import { Listener } from './listener.js';
import { ProgressWatchdog } from './progress-watchdog.js';
import { TestAuthority } from './testing/certificates.js';
import { type TlsContext, tlsContext } from './tls-settings.js';

const open: Listener[] = [];
afterEach(() => {
  for (const listener of open.splice(0)) {
    listener.close();
    listener.destroy();
  }
});

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A server whose watchdog looks when the test says, at a time that the test says. */
async function watched(
  handler: Handler,
  { tls, h2c = false }: { tls?: TlsContext; h2c?: boolean } = {},
) {
  const config = httpConfig.parse({ addr: '127.0.0.1:0', h2c: { enabled: h2c } });
  const listener = new Listener(config, tls);
  open.push(listener);
  let seen: IncomingMessage | undefined;
  listener.createServer((incoming, response) => {
    seen = incoming;
    handler(incoming, response);
  });
  await listener.listen();
  const clock = { now: 1 };
  const lines: object[] = [];
  const log = { info: (fields: object) => void lines.push(fields) };
  const watchdog = new ProgressWatchdog(config.limits, listener.underWay, log, () => clock.now);
  return {
    port: (listener.front.address() as AddressInfo).port,
    watchdog,
    lines,
    look: (seconds: number) => {
      clock.now += seconds * 1000;
      watchdog.look();
    },
    arrived: async (bytes = 0) => {
      await until(() => seen !== undefined && seen.socket.bytesRead >= bytes);
    },
  };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

/** Resolves with the error that ended the request. */
function outcome(client: ClientRequest | Duplex): Promise<string> {
  return new Promise((resolve) => {
    client.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    client.once('close', () => resolve('closed'));
  });
}

const reads: Handler = (incoming, response) => {
  incoming.resume().once('end', () => response.end('done'));
};

describe('ProgressWatchdog', () => {
  it('G1: cuts a body that stands still, however it dribbles', async () => {
    const { port, look, arrived, watchdog, lines } = await watched(reads);
    const client = request({ port, method: 'POST', agent: false });
    const end = outcome(client);
    client.write('x'.repeat(100_000));
    await arrived(100_000);
    look(0);
    for (let second = 0; second < 59; second += 10) {
      client.write('x');
      look(10);
      expect(watchdog.cuts).toBe(second + 10 < 60 ? 0 : 1);
    }
    expect(await end).toBe('ECONNRESET');
    expect(lines).toEqual([expect.objectContaining({ method: 'POST', direction: 'request' })]);
  });

  it('lets a slow body go on as long as it likes', async () => {
    const { port, look, arrived, watchdog } = await watched(reads);
    const client = request({ port, method: 'POST', agent: false });
    const answer = new Promise<IncomingMessage>((resolve) => client.once('response', resolve));
    for (let sent = 0; sent < 20; sent++) {
      client.write('x'.repeat(8192));
      await arrived((sent + 1) * 8192);
      look(59);
    }
    client.end();
    expect((await answer).statusCode).toBe(200);
    expect(watchdog.cuts).toBe(0);
  });

  it('does not blame the client while the bytes wait for us', async () => {
    const { port, look, arrived, watchdog } = await watched(() => undefined);
    const client = request({ port, method: 'POST', agent: false });
    client.on('error', () => undefined);
    client.write('x'.repeat(1_000_000));
    await arrived(10_000);
    look(0);
    look(1000);
    expect(watchdog.cuts).toBe(0);
    client.destroy();
  });

  it('does not blame the client while we think about the answer', async () => {
    const { port, look, arrived, watchdog } = await watched((incoming) => void incoming.resume());
    const client = request({ port, method: 'POST', agent: false }).on('error', () => undefined);
    client.end('all of it');
    await arrived();
    await turn();
    look(0);
    look(1000);
    expect(watchdog.cuts).toBe(0);
    client.destroy();
  });

  it('G1: cuts an answer that nobody reads, later than a body that nobody sends', async () => {
    const answers: Handler = (_incoming, response) => void response.end(Buffer.alloc(32_000_000));
    const { port, look, watchdog } = await watched(answers);
    const client = request({ port, agent: false }).end();
    const answer = await new Promise<IncomingMessage>((resolve) =>
      client.once('response', resolve),
    );
    answer.pause();
    const end = outcome(answer as unknown as Duplex);
    await settled(() => answer.socket.bytesRead);
    look(0);
    look(299);
    expect(watchdog.cuts).toBe(0);
    look(2);
    expect(watchdog.cuts).toBe(1);
    answer.resume();
    expect(await end).toBe('ECONNRESET');
  });

  it('lets a slow reader go on', async () => {
    const answers: Handler = (_incoming, response) => void response.end(Buffer.alloc(32_000_000));
    const { port, look, watchdog } = await watched(answers);
    const client = request({ port, agent: false }).end();
    const answer = await new Promise<IncomingMessage>((resolve) =>
      client.once('response', resolve),
    );
    let read = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      if (Math.floor((read + chunk.length) / 8_000_000) > Math.floor(read / 8_000_000)) look(299);
      read += chunk.length;
    }
    expect(read).toBe(32_000_000);
    expect(watchdog.cuts).toBe(0);
  });

  it('G1: sees a body stand still over TLS', async () => {
    const authority = await TestAuthority.create();
    const pair = await authority.issue(['localhost']);
    const tls = await tlsContext(httpConfig.parse({}).tls, pair);
    const { port, look, arrived, watchdog } = await watched(reads, { tls });
    const options = { port, host: 'localhost', method: 'POST', ca: authority.pem, agent: false };
    const client = requestHttps(options);
    const end = outcome(client);
    client.write('x'.repeat(10_000));
    await arrived(10_000);
    look(0);
    client.write('x'.repeat(10_000));
    await arrived(20_000);
    look(61);
    expect(watchdog.cuts).toBe(0);
    look(61);
    expect(watchdog.cuts).toBe(1);
    expect(await end).toBe('ECONNRESET');
  });

  it.each(['TLS', 'HTTP/2'])(
    'lets a slow reader go on over %s, and cuts one that stopped',
    async (how) => {
      const authority = await TestAuthority.create();
      const pair = await authority.issue(['localhost']);
      const tls = await tlsContext(httpConfig.parse({}).tls, pair);
      const answers: Handler = (_incoming, response) => void response.end(Buffer.alloc(64_000_000));
      const { port, look, watchdog } = await watched(answers, { tls });
      const session =
        how === 'HTTP/2'
          ? connectHttp2(`https://localhost:${port}`, { ca: authority.pem })
          : undefined;
      const answer: Duplex | IncomingMessage =
        session?.request({ ':path': '/' }) ??
        (await new Promise<IncomingMessage>((resolve) => {
          const options = { port, host: 'localhost', ca: authority.pem, agent: false as const };
          requestHttps(options).once('response', resolve).end();
        }));
      session?.on('error', () => undefined);
      answer.on('error', () => undefined);
      let read = 0;
      let looks = 0;
      await new Promise<void>((resolve) => {
        answer.on('data', (chunk: Buffer) => {
          read += chunk.length;
          if (read < (looks + 1) * 10_000_000) return;
          look(299);
          if (++looks < 4) return;
          answer.pause();
          resolve();
        });
      });
      expect(watchdog.cuts).toBe(0);
      for (let turns = 0; turns < 3000; turns++) await turn();
      look(299);
      look(301);
      look(301);
      expect(watchdog.cuts).toBe(1);
      session?.destroy();
      answer.destroy();
    },
  );

  it('G1: cuts the stream of HTTP/2 that stands still', async () => {
    const { port, look, arrived, watchdog } = await watched(reads, { h2c: true });
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    const stream = session.request({ ':method': 'POST', ':path': '/' }, { endStream: false });
    const end = outcome(stream);
    stream.write('x'.repeat(10_000));
    await arrived(10_000);
    look(0);
    look(61);
    expect(watchdog.cuts).toBe(1);
    await end;
    session.destroy();
  });
});

/** Waits until the figure no longer grows: the buffers between the two are full. */
async function settled(figure: () => number): Promise<void> {
  for (let last = -1, same = 0; same < 2000;) {
    const now = figure();
    same = now === last ? same + 1 : 0;
    last = now;
    await turn();
  }
}
