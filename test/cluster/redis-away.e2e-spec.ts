import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { digestOf, RegistryApi } from '../support/registry-api.js';
import { Cluster } from './support/cluster.js';
import { Load } from './support/load.js';

jest.setTimeout(300_000);

describeWith(['minio', 'redis-server', 'haproxy'], 'a cluster whose Redis', (_paths) => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await Cluster.start();
  });
  afterAll(async () => cluster?.stop());

  /** What a fault in Redis may not do: fail a push or a pull. */
  const failuresDuring = async (fault: () => Promise<void>) => {
    const load = new Load(cluster.url);
    await load.run(4, async () => {
      await delay(1000);
      await fault();
      await delay(1000);
    });
    expect(load.pushed).toBeGreaterThan(10);
    return load.failures;
  };

  // Rows B2, B3.
  it('is killed and comes back empty fails nobody', async () => {
    const failures = await failuresDuring(async () => {
      await cluster.redis.kill();
      await delay(4000);
      await cluster.redis.restart();
    });
    expect(failures).toEqual([]);
  });

  // Row B4.
  it('is flushed all the time fails nobody', async () => {
    const failures = await failuresDuring(async () => {
      for (let turn = 0; turn < 30; turn++) {
        await cluster.redis.command('flushall');
        await delay(50);
      }
    });
    expect(failures).toEqual([]);
  });

  // Row B5.
  it('keeps its connections and does not answer fails nobody', async () => {
    const failures = await failuresDuring(async () => {
      cluster.redis.pause();
      await delay(4000);
      cluster.redis.resume();
    });
    expect(failures).toEqual([]);
  });

  // Row B6.
  it('is full, or takes no writes, fails nobody', async () => {
    const failures = await failuresDuring(async () => {
      await cluster.redis.command('config', 'set', 'maxmemory-policy', 'noeviction');
      await cluster.redis.command('config', 'set', 'maxmemory', '1mb');
      await delay(2000);
      await cluster.redis.command('config', 'set', 'maxmemory', '64mb');
      await cluster.redis.command('replicaof', '127.0.20.3', '1');
      await delay(2000);
      await cluster.redis.command('replicaof', 'no', 'one');
      await cluster.redis.command('config', 'set', 'maxmemory-policy', 'allkeys-lru');
    });
    expect(failures).toEqual([]);
  });

  // Row B7, CVE-2026-35172.
  describe('remembers what is deleted', () => {
    it('answers for it at no replica, in no repository but where it still is', async () => {
      const replicas = cluster.replicas.map(({ url }) => new RegistryApi(url));
      const [first] = replicas as [RegistryApi];
      for (let turn = 0; turn < 20; turn++) {
        const content = Buffer.from(`blob ${turn}`.padEnd(100 + turn));
        const digest = digestOf(content);
        for (const name of ['team/deleted', 'team/kept']) await first.pushBlob(name, content);
        for (const api of replicas) await api.get(`/v2/team/deleted/blobs/${digest}`);
        const deleted = await first.send('DELETE', `/v2/team/deleted/blobs/${digest}`);
        expect(deleted.status).toBe(202);
        const answers = await Promise.all(
          replicas.flatMap((api) =>
            ['HEAD', 'GET'].map((method) => api.send(method, `/v2/team/deleted/blobs/${digest}`)),
          ),
        );
        expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 404));
        for (const api of replicas) {
          expect((await api.get(`/v2/team/kept/blobs/${digest}`)).body.equals(content)).toBe(true);
        }
      }
    });
  });
});
