import { writeFile } from 'node:fs/promises';

import { expect, it } from '@jest/globals';

import { RedisUnusable } from '#redis/redis-unusable.js';

import { describeWith } from '../components/components.js';
import { RedisCluster } from '../support/servers/redis-cluster.js';
import { RedisSentinel } from '../support/servers/redis-sentinel.js';
import { until } from '../support/until.js';
import { away, get, messages, set, there } from './open-connection.js';
import { calltimeout, inTime, Setting } from './setting.js';

describeWith(['redis-server', 'redis-cli'], 'RedisConnection, by the ways to reach servers', () => {
  const setting = Setting.ofEachTest();

  it('goes through a socket in the file system', async () => {
    const socket = setting.folder.join('redis.sock');
    await setting.start({ args: ['--unixsocket', socket] });
    const { redis } = await setting.connected({ addrs: [socket] });
    await set(redis, 'holdfast:key', 'value');
    expect(await get(redis, 'holdfast:key')).toBe('value');
  });

  it('does without a node of a cluster that is taken for a single server (B6)', async () => {
    const cluster = setting.ends(await RedisCluster.start(setting.folder.path));
    const { redis, log } = await setting.connected({ addrs: [cluster.hosts[0]] });
    for (let key = 0; key < 100; key++) await set(redis, `holdfast:${key}`, 'value');
    expect(redis.state.up).toBe(true);
    expect(redis.state.errors).toBeGreaterThan(0);
    expect(redis.state.answered).toBeGreaterThan(0);
    expect(log.lines.at(-1)?.fields['answer']).toMatch(/^MOVED /);
  });

  it('uses TLS, and an account that may do little', async () => {
    const users = [
      'user default off',
      'user holdfast on >s3cret ~holdfast:* &* -@all +getrange +set +del +ping +info',
    ];
    const server = await setting.start({ tls: true, users });
    const ca = setting.folder.join('ca.pem');
    await writeFile(ca, server.authority ?? '');
    const section = { addrs: [server.host], username: 'holdfast', password: 's3cret' };
    const { redis, log } = await setting.connected({ ...section, tls: { rootcas: [ca] } });
    await set(redis, 'holdfast:key', 'value');
    expect(await get(redis, 'holdfast:key')).toBe('value');
    for (let time = 0; time < 20; time++) expect(await get(redis, 'foreign:key')).toBeUndefined();
    expect(redis.state).toMatchObject({ up: true, errors: 20 });
    expect(messages(log)).toEqual([there, 'Redis refuses calls']);
    for (const tls of [{ enabled: true }, { enabled: false, rootcas: [ca] }]) {
      const other = await setting.open({ ...section, tls });
      other.redis.start();
      await until('the first try', async () => other.log.lines.length > 0);
      expect(messages(other.log)).toEqual([away]);
      expect(JSON.stringify(other.log.lines)).not.toContain('s3cret');
    }
  });

  it('refuses TLS files that cannot be used, by key', async () => {
    const server = await setting.start({ tls: true });
    const data = setting.folder.join('redis');
    const files = { certificate: `${data}/redis.crt`, key: `${data}/redis.key` };
    const ca = `${data}/ca.crt`;
    const wrong = [
      [{ rootcas: [ca, '/nowhere.pem'] }, 'tls.rootcas[1]: cannot read /nowhere.pem'],
      [{ rootcas: [files.key] }, 'tls.rootcas[0]: '],
      [{ ...files, certificate: files.key }, 'tls.certificate: '],
      [{ ...files, key: ca }, 'tls.key: '],
      [{ ...files, certificate: ca }, 'tls.key: does not belong to tls.certificate'],
    ] as const;
    for (const [tls, message] of wrong) {
      const opening = setting.open({ addrs: [server.host], tls });
      await expect(opening).rejects.toThrow(RedisUnusable);
      await expect(opening).rejects.toThrow(message);
    }
    const { redis } = await setting.connected({
      addrs: [server.host],
      tls: { ...files, rootcas: [ca] },
    });
    await redis.check();
  });

  it('follows the sentinels to another master (B3)', async () => {
    const set3 = setting.ends(await RedisSentinel.start(setting.folder.path));
    const { redis } = await setting.connected({
      addrs: set3.hosts,
      mastername: set3.masterName,
      calltimeout,
    });
    await set(redis, 'holdfast:key', 'value');
    await set3.failOver();
    await until('a write', async () => (await set(redis, 'holdfast:new', 'value')) === 'OK');
    expect(redis.state).toMatchObject({ up: true, opened: 1 });
  });

  it('uses all nodes of a cluster, and does without one that is killed', async () => {
    const cluster = setting.ends(await RedisCluster.start(setting.folder.path));
    const { redis } = await setting.connected({ addrs: cluster.hosts, calltimeout });
    const keys = Array.from({ length: 60 }, (_, index) => `holdfast:${index}`);
    for (const key of keys) expect(await set(redis, key, key)).toBe('OK');
    for (const key of keys) expect(await get(redis, key)).toBe(key);
    expect(redis.state).toMatchObject({ up: true, errors: 0, timeouts: 0 });
    const node = cluster.processes[0];
    await node?.kill();
    for (const key of keys) await inTime(get(redis, key));
    await node?.restart();
    await until('every node', async () => {
      const values = await Promise.all(keys.map((key) => set(redis, key, key)));
      return values.every((value) => value === 'OK');
    });
  });
});
