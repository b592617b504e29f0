import { afterEach, expect, it, jest } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { freePort } from '../support/free-port.js';
import { noVariables, runHoldfast } from '../support/holdfast-command.js';
import { type Holdfast, startHoldfast } from '../support/holdfast.js';
import { randomImage } from '../support/random-image.js';
import { RegistryClient } from '../support/registry-client.js';
import { until } from '../support/until.js';
import { Setting } from './setting.js';

jest.setTimeout(60_000);

type Section = Readonly<Record<string, unknown>>;

// The memory driver, because what is in it is asked for as what is in a bucket is.
describeWith(['redis-server', 'redis-cli'], 'a registry with Redis', () => {
  const setting = Setting.ofEachTest();
  let registry: Holdfast | undefined;

  afterEach(async () => {
    await registry?.stop();
    registry = undefined;
  });

  async function start(redis: Section, more: Section = {}) {
    const addr = `127.0.0.1:${await freePort()}`;
    registry = await startHoldfast({
      config: {
        log: { level: 'debug' },
        storage: { inmemory: {}, cache: { blobdescriptor: 'redis' } },
        http: { debug: { addr, prometheus: { enabled: true } } },
        redis: { maxretrybackoff: '200ms', ...redis },
        ...more,
      },
    });
    const { process, url } = registry;
    const debug = (path: string) => fetch(`http://${addr}${path}`);
    return {
      client: new RegistryClient(url),
      process,
      ready: async () => (await fetch(`${url}/readyz`)).status,
      notices: async () => {
        const body = (await (await debug('/readyz')).json()) as {
          readonly processes: readonly { readonly notices?: Section }[];
        };
        return body.processes[0]?.notices;
      },
      /** The value in the line that begins so. */
      metric: async (line: string) => {
        const lines = (await (await debug('/metrics')).text()).split('\n');
        return Number(lines.find((each) => each.startsWith(`${line} `))?.slice(line.length + 1));
      },
    };
  }

  const up = 'holdfast_redis_up{role="cache"}';

  it('remembers there what it serves, and counts', async () => {
    const server = await setting.start();
    const { client, metric, notices, ready } = await start({ addrs: [server.host] });
    await until('Redis', async () => (await metric(up)) === 1);
    const image = randomImage();
    await client.push('library/app', 'latest', image);
    expect(await client.differences('library/app', image)).toEqual([]);
    const keys = (await server.command('keys', '*')).split('\n');
    expect(keys).toContain(`holdfast:cache:1:manifest:${image.root.digest}`);
    for (const digest of image.blobs.keys()) {
      expect(keys).toContain(`holdfast:cache:1:size:${digest}`);
    }
    expect(await notices()).toBeUndefined();
    expect(await ready()).toBe(200);
    expect(await metric('registry_storage_cache_hits_total')).toBeGreaterThan(0);
    const written = 'registry_storage_cache_redis_seconds_count{operation="SetDescriptor"}';
    expect(await metric(written)).toBeGreaterThan(0);
    expect(
      await metric('holdfast_redis_calls_total{role="cache",outcome="answered"}'),
    ).toBeGreaterThan(0);
  });

  it('starts, is ready, and serves without it, and finds it when it comes (B1)', async () => {
    const port = await freePort();
    const { client, metric, notices, process, ready } = await start({
      addrs: [`127.0.0.1:${port}`],
      password: 'hunter2',
    });
    const image = randomImage();
    await client.push('library/app', 'latest', image);
    expect(await client.differences('library/app', image)).toEqual([]);
    expect(await ready()).toBe(200);
    expect(await metric(up)).toBe(0);
    expect((await notices())?.['redis']).toMatch(/^away, .*ECONNREFUSED/);
    await setting.start({ port, args: ['--requirepass', 'hunter2'] });
    await until('Redis', async () => (await metric(up)) === 1);
    expect(await notices()).toBeUndefined();
    expect(process.output.match(/Redis is (away|there)/g)).toEqual([
      'Redis is away',
      'Redis is there',
    ]);
    expect(process.output).not.toContain('hunter2');
  });

  it('serves while it is killed, stopped and flushed, and is unready only where that is wanted', async () => {
    const server = await setting.start();
    const redis = { enabled: true, interval: '100ms', threshold: 2 };
    const { client, ready } = await start({ addrs: [server.host] }, { health: { redis } });
    await until('ready', async () => (await ready()) === 200);
    const image = randomImage();
    const serve = async () => {
      await client.push('library/app', 'latest', image);
      expect(await client.differences('library/app', image)).toEqual([]);
    };
    await serve();
    server.pause();
    await serve();
    await until('unready', async () => (await ready()) === 503);
    await serve();
    server.resume();
    await until('ready', async () => (await ready()) === 200);
    await server.command('flushall');
    await serve();
    const killed = server.kill();
    await serve();
    await killed;
    await until('unready', async () => (await ready()) === 503);
    await serve();
    await server.restart();
    await until('ready', async () => (await ready()) === 200);
    await serve();
  });

  it.each([
    ['content in a folder', {}],
    ['content in a folder, although a cache is asked for', { cache: { blobdescriptor: 'redis' } }],
    ['a cache of its own', { inmemory: {} }],
  ])('is unready without it where that is wanted, with %s', async (_what, storage) => {
    const server = await setting.start({ args: ['--maxmemory', '100mb'] });
    const redis = { enabled: true, interval: '100ms', threshold: 2 };
    const { client, process, ready } = await start(
      { addrs: [server.host] },
      { storage, health: { redis } },
    );
    await until('ready', async () => (await ready()) === 200);
    await server.kill();
    await until('unready', async () => (await ready()) === 503);
    await client.push('library/app', 'latest', randomImage());
    await server.restart();
    await until('ready', async () => (await ready()) === 200);
    expect(await server.command('keys', '*')).toBe('');
    expect(process.output).not.toContain('set up for something else');
  });

  it('answers nothing that was deleted, whatever Redis knows', async () => {
    const server = await setting.start();
    const { client, metric } = await start({ addrs: [server.host] });
    await until('Redis', async () => (await metric(up)) === 1);
    const image = randomImage();
    for (const name of ['library/one', 'library/other']) await client.push(name, 'latest', image);
    for (const digest of image.blobs.keys()) {
      const kind = digest === image.root.digest ? 'manifests' : 'blobs';
      const path = (name: string) => `/v2/library/${name}/${kind}/${digest}`;
      expect((await client.request('DELETE', path('one'))).status).toBe(202);
      expect((await client.request('HEAD', path('other'))).status).toBe(200);
      expect((await client.request('HEAD', path('one'))).status).toBe(404);
      expect((await client.request('GET', path('one'))).status).toBe(404);
    }
    expect(await client.differences('library/other', image)).toEqual([]);
  });

  it('ends soon, also while it does not answer', async () => {
    const server = await setting.start();
    const { metric } = await start({ addrs: [server.host] });
    await until('Redis', async () => (await metric(up)) === 1);
    server.pause();
    const begun = performance.now();
    expect(await registry?.stop()).toEqual({ code: 0, signal: null });
    expect(performance.now() - begun).toBeLessThan(5000);
    server.resume();
  });

  it('refuses to start with files that cannot be used, and names the key', async () => {
    const env = {
      ...noVariables,
      REGISTRY_STORAGE: 'inmemory',
      REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR: 'redis',
      REGISTRY_HTTP_ADDR: '127.0.0.1:0',
      REGISTRY_REDIS_ADDRS: 'redis:6379',
      REGISTRY_REDIS_TLS_ROOTCAS: setting.folder.join('nowhere.pem'),
    };
    const { code, stderr } = await runHoldfast(['serve'], { env });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^holdfast: redis\.tls\.rootcas\[0\]: cannot read [^\n]+\n$/);
  });
});
