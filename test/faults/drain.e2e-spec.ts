import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { buffer, text } from 'node:stream/consumers';

import { afterEach, describe, expect, it, jest } from '@jest/globals';

import { exchange } from '../support/exchange.js';
import { type Holdfast, startHoldfast } from '../support/holdfast.js';
import { sha256 } from '../support/random-image.js';
import { TempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';
import { commitPath, HeldRequest } from './held-request.js';
import { locationOf } from './http-pusher.js';

jest.setTimeout(120_000);

const pulls = 50;

describe('the drain', () => {
  const started: Holdfast[] = [];
  const folders: TempDir[] = [];
  afterEach(async () => {
    await Promise.all(started.splice(0).map((registry) => registry.stop()));
    await Promise.all(folders.splice(0).map((folder) => folder.remove()));
  });

  async function start(http: Record<string, unknown>, root?: string): Promise<Holdfast> {
    const options = { config: { http }, ...(root === undefined ? {} : { root }) };
    const registry = await startHoldfast(options);
    started.push(registry);
    return registry;
  }

  const begin = async (url: string, name = 'team/app'): Promise<string> => {
    const answer = await exchange(url, `/v2/${name}/blobs/uploads/`, { method: 'POST' });
    return locationOf(answer.headers.location ?? null);
  };

  const status = async (url: string, path: string) => (await exchange(url, path)).status;

  /** Every worker has the news when many connections see the same. */
  const allSay = async (url: string, path: string, wanted: number) => {
    const seen = await Promise.all(Array.from({ length: 8 }, () => status(url, path)));
    return seen.every((one) => one === wanted);
  };

  it.each([1, 2])(
    'A5: with %p workers finishes all that is under way, and exits with 0',
    async (workers) => {
      const { url, process } = await start({ workers, drainwait: '2s', draintimeout: '30s' });
      const blob = randomBytes(10_000_000);
      const whole = randomBytes(2_000_000);
      const parts = randomBytes(2_000_000);
      const agent = new Agent({ keepAlive: true });
      const put = new HeldRequest(agent, url, 'PUT', commitPath(await begin(url), blob));
      await put.send(blob);
      put.end();
      expect((await put.answer).status).toBe(201);

      const monolithic = new HeldRequest(agent, url, 'PUT', commitPath(await begin(url), whole));
      await monolithic.send(whole.subarray(0, 1_000_000));
      const chunk = new HeldRequest(agent, url, 'PATCH', await begin(url));
      await chunk.send(parts.subarray(0, 500_000));
      const readers = await Promise.all(
        Array.from({ length: pulls }, () => slowReader(url, `/v2/team/app/blobs/${sha256(blob)}`)),
      );
      const idle = connect(Number(new URL(url).port), '127.0.0.1');
      idle.write('GET /v2/ HTTP/1.1\r\nHost: a\r\n\r\n');
      await once(idle, 'data');

      process.signal('SIGTERM');
      await until('readiness to fail', () => allSay(url, '/readyz', 503));
      // K4: it lives, and says so; what is asked in between is answered, for the last time on its connection.
      expect(await status(url, '/livez')).toBe(200);
      expect(await status(url, '/')).toBe(200);
      const late = await exchange(url, '/v2/', { headers: { connection: 'keep-alive' } });
      expect(late.status).toBe(200);
      expect(late.headers.connection).toBe('close');
      await once(idle.resume(), 'close');
      await until('the door to close', () => refuses(url));

      await monolithic.send(whole.subarray(1_000_000));
      monolithic.end();
      expect((await monolithic.answer).status).toBe(201);
      await chunk.send(parts.subarray(500_000));
      chunk.end();
      expect((await chunk.answer).status).toBe(202);
      for (const reader of readers) expect(sha256(await buffer(reader))).toBe(sha256(blob));
      expect(await process.exited).toEqual({ code: 0, signal: null });
      agent.destroy();
    },
  );

  it('A5: over http.draintimeout cuts and exits with 1, and the upload goes on after the next start', async () => {
    const folder = await TempDir.create('resume');
    folders.push(folder);
    const first = await start({ workers: 2, draintimeout: '1s' }, folder.path);
    const blob = randomBytes(3_000_000);
    const agent = new Agent();
    const acknowledged = new HeldRequest(agent, first.url, 'PATCH', await begin(first.url));
    await acknowledged.send(blob.subarray(0, 1_000_000));
    acknowledged.end();
    const { location = '' } = await acknowledged.answer;
    const cut = new HeldRequest(agent, first.url, 'PATCH', location);
    await cut.send(blob.subarray(1_000_000, 2_000_000));
    first.process.signal('SIGTERM');
    await expect(cut.answer).rejects.toThrow('PATCH');
    expect(await first.process.exited).toEqual({ code: 1, signal: null });

    const second = await start({ workers: 2 }, folder.path);
    const found = await exchange(second.url, location);
    expect(found.status).toBe(204);
    const have = Number(/^0-(\d+)$/.exec(found.headers.range as string)?.[1]) + 1;
    expect(have).toBeGreaterThanOrEqual(1_000_000);
    expect(have).toBeLessThanOrEqual(2_000_000);
    const at = commitPath(locationOf(found.headers.location ?? null), blob);
    const rest = await exchange(second.url, at, { method: 'PUT', body: blob.subarray(have) });
    expect(rest.status).toBe(201);
    const back = await exchange(second.url, `/v2/team/app/blobs/${sha256(blob)}`);
    expect(sha256(back.body)).toBe(sha256(blob));
    agent.destroy();
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('a second %s stops at once', async (signal) => {
    // Longer than the test may take.
    const { url, process } = await start({ workers: 2, drainwait: '1h' });
    const held = new HeldRequest(new Agent(), url, 'PATCH', await begin(url));
    await held.send(Buffer.alloc(1000));
    process.signal(signal);
    await process.waitForLine(/draining/);
    const seen = performance.now();
    await until('readiness to fail', () => allSay(url, '/readyz', 503));
    // The same signal at the same moment would be an echo: npm passes on what the terminal has sent already.
    await until('a second signal to count', async () => performance.now() - seen > 600);
    expect(process.running).toBe(true);
    process.signal(signal);
    expect(await process.exited).toEqual({ code: 1, signal: null });
    held.cut();
  });

  it.each(['workers', 'primary'] as const)(
    'a SIGTERM to every process of the group is one, when the %s get it first',
    async (first) => {
      const { url, process } = await start({ workers: 2, draintimeout: '30s' });
      await process.waitForLine(/serving/);
      const blob = randomBytes(1_000_000);
      const agent = new Agent();
      const put = new HeldRequest(agent, url, 'PUT', commitPath(await begin(url), blob));
      await put.send(blob.subarray(0, 500_000));
      const workers = (await childrenOf(process.pid)).map(Number);
      expect(workers).toHaveLength(2);
      const group = first === 'workers' ? [...workers, process.pid] : [process.pid, ...workers];
      for (const pid of group) globalThis.process.kill(pid, 'SIGTERM');
      await until('the door to close', () => refuses(url));
      await put.send(blob.subarray(500_000));
      put.end();
      expect((await put.answer).status).toBe(201);
      expect(await process.exited).toEqual({ code: 0, signal: null });
      agent.destroy();
    },
  );

  it('a worker that dies is replaced', async () => {
    const { url, process } = await start({ workers: 2 });
    await process.waitForLine(/serving/);
    const [pid = ''] = await childrenOf(process.pid);
    globalThis.process.kill(Number(pid), 'SIGKILL');
    const line = await process.waitForLine(/a worker died/);
    expect(line).toContain(`pid=${pid}`);
    await until('a new worker', async () => {
      const now = await childrenOf(process.pid);
      return now.length === 2 && !now.includes(pid);
    });
    expect(await status(url, '/v2/')).toBe(200);
    // The new one may still be starting: it ends all the same.
    expect(await process.stop()).toEqual({ code: 0, signal: null });
  });
});

async function slowReader(url: string, path: string): Promise<IncomingMessage> {
  const outgoing = request(new URL(path, url), { agent: false });
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return response.pause();
}

function refuses(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.once('connect', () => resolve(false)).once('error', () => resolve(true));
    socket.once('connect', () => socket.destroy());
  });
}

async function childrenOf(pid: number): Promise<string[]> {
  const { createReadStream } = await import('node:fs');
  const listed = await text(createReadStream(`/proc/${pid}/task/${pid}/children`));
  return listed.trim().split(' ').filter(Boolean);
}
