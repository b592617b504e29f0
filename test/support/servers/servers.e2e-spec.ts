import { readFile } from 'node:fs/promises';

import { describe, expect, it } from '@jest/globals';

import { describeWith } from '../../components/components.js';
import { until } from '../until.js';
import { Azurite } from './azurite.js';
import { FakeGcs } from './fake-gcs.js';
import { Minio } from './minio.js';
import { RedisCluster } from './redis-cluster.js';
import { RedisSentinel } from './redis-sentinel.js';
import { queueArgs, Redis, redisCli } from './redis.js';
import type { S3Server } from './s3-server.js';
import { serverOfSuite } from './server-of-suite.js';
import { Swift } from './swift.js';
import { VersityGateway } from './versitygw.js';

function itStoresObjects(server: () => S3Server): void {
  it('gives back an object from a bucket that it made', async () => {
    await server().makeBucket('blobs');
    const put = await server().request({ method: 'PUT', path: 'blobs/a key', body: 'content' });
    expect(put.status).toBe(200);
    const list = await server().request({
      method: 'GET',
      path: 'blobs',
      query: { 'list-type': '2', prefix: 'a ' },
    });
    expect(await list.text()).toContain('<Key>a key</Key>');
    const get = await server().request({ method: 'GET', path: 'blobs/a key' });
    expect(await get.text()).toBe('content');
  });
}

describeWith(['minio'], 'MinIO', () => {
  const minio = serverOfSuite((folder) => Minio.start(folder, { address: '127.0.0.7' }));
  itStoresObjects(minio);

  it('has its objects after it was killed and started again', async () => {
    await minio().request({ method: 'PUT', path: 'blobs/kept', body: 'content' });
    await minio().kill();
    await expect(minio().request({ method: 'GET', path: 'blobs/kept' })).rejects.toThrow(
      'fetch failed',
    );
    await minio().restart();
    const get = await minio().request({ method: 'GET', path: 'blobs/kept' });
    expect(await get.text()).toBe('content');
  });
});

describeWith(['versitygw'], 'versitygw', () => {
  itStoresObjects(serverOfSuite((folder) => VersityGateway.start(folder)));
});

describeWith(['azurite-blob'], 'Azurite', () => {
  const azurite = serverOfSuite((folder) => Azurite.start(folder));

  it('makes a container once', async () => {
    await azurite().makeContainer('blobs');
    await expect(azurite().makeContainer('blobs')).rejects.toThrow('ContainerAlreadyExists');
  });
});

describeWith(['fake-gcs-server'], 'fake-gcs-server', () => {
  const gcs = serverOfSuite((folder) => FakeGcs.start(folder));

  it('gives back an object from a bucket that it made', async () => {
    await gcs().makeBucket('blobs');
    const { endpoint } = gcs();
    const put = await fetch(`${endpoint}/upload/storage/v1/b/blobs/o?uploadType=media&name=key`, {
      method: 'POST',
      body: 'content',
    });
    expect(put.status).toBe(200);
    const get = await fetch(`${endpoint}/storage/v1/b/blobs/o/key?alt=media`);
    expect(await get.text()).toBe('content');
  });
});

describeWith(
  [
    'swift-proxy-server',
    'swift-object-server',
    'swift-container-server',
    'swift-account-server',
    'memcached',
  ],
  'Swift',
  () => {
    const swift = serverOfSuite((folder) => Swift.start(folder, { s3api: true }));
    itStoresObjects(swift);

    it('shows the same objects to its own clients', async () => {
      const { storageUrl, token } = await swift().login();
      const headers = { 'x-auth-token': token };
      const get = await fetch(`${storageUrl}/blobs/a%20key`, { headers });
      expect(await get.text()).toBe('content');
      await swift().makeContainer('others');
      const list = await fetch(storageUrl, { headers });
      expect(await list.text()).toBe('blobs\nothers\n');
    });
  },
);

describeWith(['redis-server'], 'Redis', () => {
  describe('on its own', () => {
    const redis = serverOfSuite((folder) => Redis.start(folder, { args: queueArgs }));

    it('keeps what a queue needs when it is killed', async () => {
      await redis().command('set', 'job', 'waiting');
      await redis().kill();
      await redis().restart();
      expect(await redis().command('get', 'job')).toBe('waiting');
      expect(await redis().command('info', 'memory')).toContain('maxmemory_policy:noeviction');
    });

    it('stands still while it is paused', async () => {
      const [{ pid } = { pid: 0 }] = redis().processes;
      redis().pause();
      await until('the process to stand still', async () =>
        (await readFile(`/proc/${pid}/stat`, 'utf8')).includes(' T '),
      );
      const answer = redis().command('ping');
      redis().resume();
      expect(await answer).toBe('PONG');
    });
  });

  describe('with TLS and users', () => {
    const redis = serverOfSuite((folder) =>
      Redis.start(folder, {
        tls: true,
        users: ['user default off', 'user holdfast on >s3cret ~holdfast:* +@all -@dangerous +info'],
      }),
    );

    it('lets a user do what it may', async () => {
      const as = ['--user', 'holdfast', '--pass', 's3cret', '--no-auth-warning'];
      expect(redis().authority).toContain('BEGIN CERTIFICATE');
      expect(await redis().command('ping')).toMatch(/^NOAUTH/);
      expect(await redis().command(...as, 'set', 'holdfast:a', '1')).toBe('OK');
      expect(await redis().command(...as, 'set', 'other', '1')).toMatch(/^NOPERM/);
      expect(await redis().command(...as, 'flushall')).toMatch(/^NOPERM/);
    });
  });

  describe('with sentinels', () => {
    const set = serverOfSuite((folder) => RedisSentinel.start(folder));

    it('has another master when the first is killed', async () => {
      const before = await set().master();
      const killed = await set().failOver();
      expect(await set().master()).not.toBe(before);
      await killed.restart();
      expect(set().hosts).toHaveLength(3);
    });
  });

  describe('as a cluster', () => {
    const cluster = serverOfSuite((folder) => RedisCluster.start(folder));

    it('finds a key on whichever node has its slot', async () => {
      const [first = ''] = cluster().ports.map(String);
      for (const key of ['a', 'b', 'c']) {
        expect(await redisCli(['-c', '-p', first], ['set', key, key])).toBe('OK');
        expect(await redisCli(['-c', '-p', first], ['get', key])).toBe(key);
      }
    });
  });
});
