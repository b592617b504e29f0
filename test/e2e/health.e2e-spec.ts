import { once } from 'node:events';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { freePort } from '../support/free-port.js';
import { noVariables, runHoldfast } from '../support/holdfast-command.js';
import { startHoldfast, type Holdfast, type HoldfastOptions } from '../support/holdfast.js';
import { randomImage } from '../support/random-image.js';
import { RegistryClient } from '../support/registry-client.js';
import { TempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

jest.setTimeout(60_000);

type Config = NonNullable<HoldfastOptions['config']>;

const often = { storagedriver: { interval: '100ms', threshold: 3 } };
const probes = ['/startupz', '/livez', '/readyz'];

describe('health', () => {
  let folder: TempDir;
  let registry: Holdfast | undefined;
  beforeEach(async () => {
    folder = await TempDir.create('health');
  });
  afterEach(async () => {
    await registry?.stop();
    registry = undefined;
    await folder.remove();
  });

  interface Started {
    /** The main address. */
    readonly main: string;
    /** The debug address. */
    readonly debug: string;
    readonly registry: Holdfast;
  }

  async function start(config: Config = {}, root = folder.join('data')): Promise<Started> {
    const addr = `127.0.0.1:${await freePort()}`;
    const http = { workers: 1, debug: { addr, prometheus: { enabled: true } } };
    registry = await startHoldfast({
      root,
      config: { health: often, ...config, http: { ...http, ...(config['http'] as object) } },
    });
    const debug = `http://${addr}`;
    const { workers } = { ...http, ...(config['http'] as { workers?: number }) };
    await until(`${workers} that are ready`, async () => {
      const processes = await processesOf(debug);
      return processes.length === workers && processes.every(({ status }) => status === 'ok');
    });
    return { main: registry.url, debug, registry };
  }

  async function ask(url: string, method = 'GET') {
    const answer = await fetch(url, { method });
    return { status: answer.status, text: await answer.text(), headers: answer.headers };
  }

  async function processesOf(debug: string) {
    const { processes } = JSON.parse((await ask(`${debug}/readyz`)).text) as {
      readonly processes: readonly { readonly pid: number; readonly status: string }[];
    };
    return processes;
  }

  const statusOf = async (url: string) => (await ask(url)).status;

  const becomes = (status: number, url: string, path = '/readyz') =>
    until(`${status} of ${path}`, async () => (await statusOf(url + path)) === status);

  describe('at the main address', () => {
    it('answers the probes without details and without credentials', async () => {
      const { main } = await start({ auth: { silly: { realm: 'x', service: 'y' } } });
      expect(await statusOf(`${main}/v2/`)).toBe(401);
      for (const path of probes) {
        const { status, text, headers } = await ask(main + path);
        expect([path, status, text]).toEqual([path, 200, '{"status":"ok"}']);
        expect(headers.get('cache-control')).toBe('no-store');
        expect((await ask(main + path, 'HEAD')).status).toBe(200);
        const refused = await ask(main + path, 'POST');
        expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
      }
    });

    it('leaves repositories their names', async () => {
      const { main } = await start();
      const client = new RegistryClient(main);
      for (const name of ['readyz', 'livez/readyz']) {
        await client.push(name, 'startupz', randomImage());
        expect(await client.tags(name)).toEqual(['startupz']);
      }
    });
  });

  it('is good with an empty root directory and with one that is not there yet (row K2)', async () => {
    await mkdir(folder.join('empty'));
    const { debug } = await start({}, folder.join('empty'));
    expect(await ask(`${debug}/debug/health`)).toMatchObject({ status: 200, text: '{}' });
    await registry?.stop();
    const fresh = await start({}, folder.join('new/below'));
    expect(await statusOf(`${fresh.debug}/debug/health`)).toBe(200);
    expect(await readdir(folder.join('new/below'))).not.toHaveLength(0);
  });

  it('turns unready while the storage is away, and never unalive (row K1)', async () => {
    const { main, debug } = await start();
    await rename(folder.join('data'), folder.join('away'));
    await becomes(503, main);
    expect(await ask(`${main}/readyz`)).toMatchObject({ text: '{"status":"error"}' });
    // Distribution would answer 503 to everything.
    for (const path of ['/', '/v2/', '/livez', '/startupz']) {
      expect([path, await statusOf(main + path)]).toEqual([path, 200]);
    }
    expect(await statusOf(`${debug}/livez`)).toBe(200);
    const { status, text } = await ask(`${debug}/debug/health`);
    expect([status, JSON.parse(text)]).toEqual([
      503,
      { storagedriver_filesystem: 'the root directory is gone, or not mounted any more' },
    ]);
    const readiness = await ask(`${debug}/readyz`);
    expect([readiness.status, JSON.parse(readiness.text)]).toMatchObject([
      503,
      {
        status: 'error',
        processes: [{ status: 'error', checks: { storagedriver_filesystem: { status: 'down' } } }],
      },
    ]);
    await rename(folder.join('away'), folder.join('data'));
    await becomes(200, main);
    expect(await statusOf(`${debug}/debug/health`)).toBe(200);
  });

  it.each([1, 2])(
    'is unready and alive while it drains, with %d process(es) (row K4)',
    async (workers) => {
      const {
        main,
        debug,
        registry: draining,
      } = await start({
        http: { workers, drainwait: '2s' },
      });
      draining.process.signal('SIGTERM');
      await becomes(503, main);
      expect(await ask(`${main}/readyz`)).toMatchObject({ text: '{"status":"shutting_down"}' });
      expect(JSON.parse((await ask(`${debug}/readyz`)).text)).toMatchObject({
        status: 'shutting_down',
      });
      for (const url of [`${main}/`, `${main}/livez`, `${main}/v2/`, `${debug}/livez`]) {
        expect([url, await statusOf(url)]).toEqual([url, 200]);
      }
      expect(await draining.process.exited).toEqual({ code: 0, signal: null });
    },
  );

  it('answers a flood of probes from what the last check said (row K5)', async () => {
    let asked = 0;
    const target = createServer((_request, response) => {
      asked++;
      response.end();
    }).listen(0, '127.0.0.1');
    await once(target, 'listening');
    try {
      const uri = `http://127.0.0.1:${(target.address() as AddressInfo).port}/`;
      const { main, debug } = await start({ health: { http: [{ uri, interval: '1h' }] } });
      expect(asked).toBe(1);
      for (let round = 0; round < 20; round++) {
        const urls = [`${main}/readyz`, `${debug}/readyz`, `${debug}/debug/health`];
        const statuses = await Promise.all(
          Array.from({ length: 60 }, (_, index) => statusOf(urls[index % urls.length] ?? '')),
        );
        expect(new Set(statuses)).toEqual(new Set([200]));
      }
      expect(asked).toBe(1);
    } finally {
      target.close();
      target.closeAllConnections();
    }
  });

  it('takes a replica out of service by a file', async () => {
    const file = folder.join('out-of-service');
    const { main, debug } = await start({ health: { file: [{ file, interval: '100ms' }] } });
    await writeFile(file, '');
    await becomes(503, main);
    expect(JSON.parse((await ask(`${debug}/debug/health`)).text)).toEqual({
      [file]: 'file exists',
    });
    await rm(file);
    await becomes(200, main);
  });

  it('turns by an HTTP server and a TCP port that must be there', async () => {
    const server = createServer((_request, response) => response.writeHead(204).end());
    const port = await freePort();
    const addr = `127.0.0.1:${port}`;
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const times = { interval: '100ms', timeout: '1s' };
    const { main, debug } = await start({
      health: {
        http: [{ uri: `http://${addr}/`, statuscode: 204, ...times }],
        tcp: [{ addr, threshold: 2, ...times }],
      },
    });
    server.close();
    server.closeAllConnections();
    await becomes(503, main);
    await until('both failures', async () => {
      const failures: unknown = JSON.parse((await ask(`${debug}/debug/health`)).text);
      return Object.keys(failures as object).length === 2;
    });
    expect(JSON.parse((await ask(`${debug}/debug/health`)).text)).toEqual({
      [`http://${addr}/`]: expect.stringContaining('ECONNREFUSED'),
      [addr]: expect.stringContaining('connection failed'),
    });
  });

  describe('at the debug address', () => {
    it.each([1, 2])('tells of every process when there are %d', async (workers) => {
      const { debug } = await start({ http: { workers } });
      const { status, text, headers } = await ask(`${debug}/metrics`);
      expect([status, headers.get('content-type')]).toEqual([
        200,
        'text/plain; version=0.0.4; charset=utf-8',
      ]);
      expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
      expect(text).toMatch(/^holdfast_build_info\{version="[^"]+",node="24[^"]+"\} 1$/m);
    });

    it('goes on when a worker dies, and names the one that took its place', async () => {
      const { debug } = await start({ http: { workers: 2 } });
      const pids = async () => (await processesOf(debug)).map(({ pid }) => pid);
      const [first = 0, second = 0] = await pids();
      process.kill(first, 'SIGKILL');
      const after = await until('another worker', async () => {
        const found = await pids();
        return found.length === 2 && !found.includes(first) && found;
      });
      expect(after).toContain(second);
      await becomes(200, debug);
    });

    it('calls a process that hangs silent, and is not ready with it', async () => {
      const { debug } = await start({ http: { workers: 2 } });
      const processes = await processesOf(debug);
      const pid = processes[0]?.pid ?? 0;
      process.kill(pid, 'SIGSTOP');
      try {
        const { status, text } = await ask(`${debug}/readyz`);
        expect([status, JSON.parse(text)]).toMatchObject([503, { status: 'error' }]);
        expect(text).toContain(`{"pid":${pid},"status":"silent"`);
        expect(JSON.parse((await ask(`${debug}/debug/health`)).text)).toEqual({
          [`process_${pid}`]: 'does not answer',
        });
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      await becomes(200, debug);
    });

    it('answers the probes with a slash at their end too', async () => {
      const { debug } = await start();
      for (const path of probes) {
        expect([path, await statusOf(`${debug}${path}/?now`)]).toEqual([path, 200]);
        expect([path, await statusOf(`${debug}${path}//`)]).toEqual([path, 404]);
      }
    });

    it('shows nothing of the configuration and takes no other request', async () => {
      const { debug } = await start({ http: { secret: 'canary-of-the-secret' } });
      for (const path of [...probes, '/debug/health', '/metrics', '/', '/debug/vars', '/v2/']) {
        expect((await ask(debug + path)).text).not.toContain('canary');
      }
      expect((await ask(`${debug}/v2/`)).status).toBe(404);
      expect((await ask(`${debug}/readyz`, 'PUT')).status).toBe(405);
    });

    it('must be free: one line names the key', async () => {
      const { debug } = await start();
      const addr = new URL(debug).host;
      const { code, stderr } = await runHoldfast(['serve'], {
        cwd: folder.path,
        env: {
          ...noVariables,
          REGISTRY_HTTP_ADDR: `127.0.0.1:${await freePort()}`,
          REGISTRY_HTTP_DEBUG_ADDR: addr,
        },
      });
      expect(code).toBe(1);
      expect(stderr.trim()).toMatch(new RegExp(`http\\.debug\\.addr: ${addr} is in use`));
      expect(stderr).not.toMatch(/^\s+at /m);
    });
  });
});
