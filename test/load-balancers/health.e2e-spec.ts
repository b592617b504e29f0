import { writeFile } from 'node:fs/promises';

import { expect, it, jest } from '@jest/globals';
import { hash } from 'bcrypt';

import { describeWith } from '../components/components.js';
import { startHoldfast } from '../support/holdfast.js';
import { TempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';
import { FollowingClient } from './following-client.js';
import { LoadBalancer } from './load-balancer.js';

jest.setTimeout(90_000);

const often = (text: string) => text.replace('inter 2s', 'inter 100ms');

describeWith(['haproxy'], 'L5: health as haproxy sees it', ({ haproxy }) => {
  it('takes a draining replica out before it closes its door: no request fails', async () => {
    const data = await TempDir.create('shared');
    const http = { drainwait: '2s', secret: 'the same on both', workers: 1 };
    const replicas = await Promise.all(
      [1, 2].map(() => startHoldfast({ config: { http }, root: data.path })),
    );
    const [first, second] = replicas;
    if (first === undefined || second === undefined) throw new Error('two replicas are needed');
    const change = (text: string) => `${often(text)}    server two ${second.host} check\n`;
    const balancer = await LoadBalancer.start('haproxy', haproxy, first.host, { change });
    try {
      const client = new FollowingClient(balancer.url, balancer.authority);
      await until(
        'a healthy replica',
        async () => (await client.send('GET', '/v2/')).status === 200,
      );
      let stopped = false;
      const exit = first.process.stop(30_000).finally(() => (stopped = true));
      const failures: string[] = [];
      let answers = 0;
      do {
        failures.push(...(await client.pushAndPull(`team/app${answers}`, 20_000)));
        answers++;
      } while (!stopped);
      expect(failures).toEqual([]);
      expect(await exit).toEqual({ code: 0, signal: null });
      expect(await client.pushAndPull('team/after', 20_000)).toEqual([]);
    } finally {
      await balancer.stop();
      await Promise.all(replicas.map((replica) => replica.stop()));
      await data.remove();
    }
  });

  it('counts 401 as healthy, and answers 503 when nobody is', async () => {
    const folder = await TempDir.create('passwords');
    const path = folder.join('htpasswd');
    await writeFile(path, `alice:${await hash('s3cret', 4)}\n`);
    const registry = await startHoldfast({
      config: { auth: { htpasswd: { realm: 'lb', path } }, http: { workers: 1 } },
    });
    const change = (text: string) =>
      often(text)
        .replace('option httpchk GET /readyz', 'option httpchk GET /v2/')
        .replace('http-check expect status 200\n', 'http-check expect status 200,401\n');
    const balancer = await LoadBalancer.start('haproxy', haproxy, registry.host, { change });
    try {
      const client = new FollowingClient(balancer.url, balancer.authority);
      const status = async () => (await client.send('GET', '/v2/')).status;
      await until('an answer of the registry', async () => (await status()) === 401);
      await registry.process.stop();
      await until('the word that nobody is there', async () => (await status()) === 503);
      expect(await status()).toBe(503);
    } finally {
      await balancer.stop();
      await registry.stop();
      await folder.remove();
    }
  });
});
