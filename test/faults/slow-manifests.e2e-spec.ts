import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { type Exchange, errorOf, exchange } from '../support/exchange.js';
import { type Holdfast, startHoldfast } from '../support/holdfast.js';
import { emptyConfig, image, ociManifest, RegistryApi } from '../support/registry-api.js';
import { until } from '../support/until.js';

jest.setTimeout(180_000);

const name = 'slow/manifests';
const largest = 4 * 1024 * 1024;
const slow = 80;
/** As many of the largest as a process holds; each slow one beyond them has to be refused. */
const held = 8;

interface SlowClient {
  readonly socket: Socket;
  /** What came back. */
  answer: string;
}

describe('manifests that are sent slowly', () => {
  let registry: Holdfast;
  let api: RegistryApi;
  const clients: SlowClient[] = [];

  beforeEach(async () => {
    registry = await startHoldfast({ config: { http: { workers: 1 } } });
    api = new RegistryApi(registry.url);
    await api.pushBlob(name, emptyConfig);
  });

  afterEach(async () => {
    for (const { socket } of clients.splice(0)) socket.destroy();
    await registry?.stop();
  });

  /** Sends a manifest but for its last byte. */
  async function begin(head: string, bytes: Buffer): Promise<void> {
    const socket = connect(Number(new URL(registry.url).port), '127.0.0.1');
    const client: SlowClient = { socket, answer: '' };
    socket.on('error', () => undefined);
    socket.setEncoding('latin1').on('data', (text: string) => (client.answer += text));
    clients.push(client);
    await once(socket, 'connect');
    socket.write(`PUT /v2/${name}/manifests/slow HTTP/1.1\r\nHost: a\r\n${head}\r\n\r\n`);
    socket.write(bytes);
  }

  const refused = () => clients.filter(({ answer }) => answer.startsWith('HTTP/1.1 429 '));
  const push = (bytes: number): Promise<Exchange> => {
    const pad = { pad: 'x'.repeat(bytes) };
    return exchange(registry.url, `/v2/${name}/manifests/fast`, {
      method: 'PUT',
      headers: { 'content-type': ociManifest },
      body: Buffer.from(JSON.stringify(image({ annotations: pad }))),
    });
  };
  /** As a client does that obeys `Retry-After`, with less patience. */
  const pushAgain = (bytes: number) =>
    until(
      'a push that is taken',
      async () => {
        const { status } = await push(bytes);
        return status !== 429 && status;
      },
      { timeoutMs: 120_000 },
    );

  it.each([
    ['of 4 MiB', `Content-Length: ${largest}`, Buffer.alloc(largest - 1, ' ')],
    [
      'whose length nobody knows',
      'Transfer-Encoding: chunked',
      Buffer.from(`${(largest - 1).toString(16)}\r\n${' '.repeat(largest - 1)}\r\n`),
    ],
  ])(`keep nobody else's back, and are not held: ${slow} %s`, async (_what, head, bytes) => {
    for (let count = 0; count < slow; count++) await begin(head, bytes);
    expect((await push(10)).status).toBe(201);
    expect(await pushAgain(3_000_000)).toBe(201);
    await until('the rest to be refused', async () => refused().length >= slow - held, {
      timeoutMs: 120_000,
    });
    const [first] = refused();
    expect(first?.answer).toMatch(/\r\nretry-after: \d+\r\n/i);
    expect(first?.answer).toContain('"code":"TOOMANYREQUESTS"');
    expect(clients.every(({ answer }) => answer === '' || answer.startsWith('HTTP/1.1 429 '))).toBe(
      true,
    );
    for (const { socket } of clients) socket.destroy();
    const pushed = Array.from({ length: held }, () => pushAgain(4_000_000));
    expect(await Promise.all(pushed)).toEqual(Array(held).fill(201));
  });

  it('and are small are not held either', async () => {
    const size = 64 * 1024;
    for (let count = 0; count < 4 * slow; count++) {
      await begin(`Content-Length: ${size}`, Buffer.alloc(size - 1, ' '));
    }
    await until('some to be refused', async () => refused().length > 0);
    expect(await pushAgain(10)).toBe(201);
    expect(await pushAgain(3_000_000)).toBe(201);
  });

  it('keep their connection when they are refused and end well', async () => {
    for (let count = 0; count <= held; count++) {
      await begin(`Content-Length: ${largest}`, Buffer.alloc(largest - 1, ' '));
    }
    const [client] = await until('one to be refused', async () => {
      const found = refused();
      return found.length > 0 && found;
    });
    client?.socket.write(' GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n');
    await until('a second answer', async () => client?.answer.split('HTTP/1.1 ').length === 3);
    expect(client?.answer).toMatch(/HTTP\/1\.1 429 [^]*HTTP\/1\.1 200 /);
  });

  it('that go away leave their room to others', async () => {
    for (let round = 0; round < 3; round++) {
      for (let count = 0; count < held; count++) {
        await begin(`Content-Length: ${largest}`, Buffer.alloc(largest - 1, ' '));
      }
      for (const { socket } of clients) socket.end();
      await until('all to be closed', async () => clients.every(({ socket }) => socket.closed));
    }
    const answer = await push(4_000_000);
    expect([answer.status, answer.status === 201 || errorOf(answer)]).toEqual([201, true]);
  });
});
