import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { errorOf } from '../support/exchange.js';
import { FaultProxy } from '../support/proxies/fault-proxy.js';
import { slowDown } from '../support/proxies/fault.js';
import { RegistryApi } from '../support/registry-api.js';
import { until } from '../support/until.js';
import { Cluster } from './support/cluster.js';
import { Load } from './support/load.js';
import type { Replica } from './support/replica.js';

jest.setTimeout(300_000);

describeWith(['minio', 'redis-server', 'haproxy'], 'a cluster whose bucket', (_paths) => {
  let cluster: Cluster;
  const proxies: FaultProxy[] = [];

  beforeAll(async () => {
    cluster = await Cluster.start({
      via: async ({ storage, redis }) => {
        const proxy = await FaultProxy.start(storage);
        proxies.push(proxy);
        return { storage: proxy.host, redis };
      },
    });
  });
  afterAll(async () => {
    await cluster?.stop();
    for (const proxy of proxies) await proxy.stop();
  });

  const statusOf = async (replica: Replica, path: string) =>
    (await fetch(`${replica.url}${path}`)).status;

  // Rows A9, K1.
  it('is out of reach of one replica goes on without it, and with it when it is back', async () => {
    // Of all proxies the one that the first replica goes through: it alone is asked then.
    const [first, ...others] = cluster.replicas as [Replica, ...Replica[]];
    const [away] = proxies as [FaultProxy];
    const rule = away.add({ fault: { kind: 'hang' } });
    away.cut();
    const lost = await until('one replica to be unready', async () => {
      for (const replica of cluster.replicas) {
        if ((await statusOf(replica, '/readyz')) === 503) return replica;
      }
      return false;
    });
    expect(await statusOf(lost, '/livez')).toBe(200);
    const whole = [first, ...others].filter((replica) => replica !== lost);
    expect(await Promise.all(whole.map((replica) => statusOf(replica, '/readyz')))).toEqual([
      200, 200,
    ]);
    await cluster.balancer.settled(whole.length);
    const load = new Load(cluster.url);
    await load.run(3, async () => delay(3000));
    away.remove(rule);
    away.cut();
    expect(load.failures).toEqual([]);
    await until('it to be ready again', () => lost.isReady());
  });

  // Row C1.
  it('throttles a tenth of all requests fails no push and no pull', async () => {
    const rules = proxies.map((proxy) => proxy.add({ fault: slowDown, chance: 0.1 }));
    const load = new Load(cluster.url);
    await load.run(3, async () => delay(5000));
    proxies.forEach((proxy, index) => {
      const rule = rules[index];
      if (rule !== undefined) proxy.remove(rule);
    });
    expect(load.failures).toEqual([]);
    expect(load.pushed).toBeGreaterThan(5);
    expect(rules.reduce((sum, { struck }) => sum + struck, 0)).toBeGreaterThan(5);
  });

  it('throttles every request says so with 503 and when to come back, and keeps the upload', async () => {
    const api = new RegistryApi(cluster.replicas[0]?.url ?? '');
    const location = await api.begin('team/throttled');
    const rules = proxies.map((proxy) => proxy.add({ fault: slowDown }));
    const refused = await api.send('PATCH', location, { body: Buffer.from('bytes') });
    expect([refused.status, errorOf(refused).code]).toEqual([503, 'UNAVAILABLE']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    proxies.forEach((proxy, index) => {
      const rule = rules[index];
      if (rule !== undefined) proxy.remove(rule);
    });
    const accepted = await api.send('PATCH', location, { body: Buffer.from('bytes') });
    expect(accepted.status).toBe(202);
  });
});
