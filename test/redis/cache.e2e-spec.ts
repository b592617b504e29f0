import { randomBytes } from 'node:crypto';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import type { ContentCache } from '#cache/content-cache.js';
import { MemoryCache } from '#cache/memory/memory-cache.js';
import { RedisCache } from '#cache/redis/redis-cache.js';
import { describeContentCache } from '#cache/testing/content-cache.suite.js';
import { TwoLevels } from '#cache/two-levels.js';
import { Digest } from '#oci/digest.js';
import type { RedisConnection } from '#redis/redis-connection.js';

import { describeWith } from '../components/components.js';
import { RedisCluster } from '../support/servers/redis-cluster.js';
import { Redis } from '../support/servers/redis.js';
import { TempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';
import { connect } from './open-connection.js';
import { inTime } from './setting.js';

const secrets = () => ['secret'];
const body = Buffer.from('{"schemaVersion":2}');
const digest = Digest.of(body);
const sizeKey = `holdfast:cache:1:size:${digest.toString()}`;
const manifestKey = `holdfast:cache:1:manifest:${digest.toString()}`;

describeWith(['redis-server', 'redis-cli'], 'a cache in Redis', () => {
  let folder: TempDir;
  let server: Redis;

  beforeAll(async () => {
    folder = await TempDir.create('cache');
    server = await Redis.start(folder.path, { args: ['--enable-debug-command', 'local'] });
  });

  afterAll(async () => {
    await server.stop();
    await folder.remove();
  });

  async function open(
    make: (redis: RedisConnection) => ContentCache = oneLevel,
    section: { readonly calltimeout?: string } = {},
  ) {
    const { redis } = await connect({ addrs: [server.host], ...section });
    return { redis, cache: make(redis), close: () => redis.close() };
  }

  const oneLevel = (redis: RedisConnection) => new RedisCache(redis, secrets);
  const twoLevels = (redis: RedisConnection) => new TwoLevels(new MemoryCache(), oneLevel(redis));

  describe('RedisCache', () => {
    describeContentCache(() => open());
  });

  describe('TwoLevels of memory and Redis', () => {
    describeContentCache(() => open(twoLevels));
  });

  describe('on a cluster', () => {
    let cluster: RedisCluster;
    beforeAll(async () => void (cluster = await RedisCluster.start(folder.path)));
    afterAll(() => cluster.stop());

    describeContentCache(async () => {
      const { redis } = await connect({ addrs: cluster.hosts });
      return { cache: oneLevel(redis), close: () => redis.close() };
    });
  });

  describe('between replicas', () => {
    let one: Awaited<ReturnType<typeof open>>;
    let other: Awaited<ReturnType<typeof open>>;

    beforeEach(async () => {
      await server.command('flushall');
      [one, other] = [await open(), await open()];
    });

    afterEach(async () => {
      await one.close();
      await other.close();
    });

    /** One command that is answered after all that were sent before it. */
    const written = () => one.redis.check();

    async function learn() {
      one.cache.rememberSize(digest, body.length);
      one.cache.rememberManifest(digest, body);
      await written();
    }

    const write = (key: string, value: string) => server.command('set', key, value);
    const read = async () => [await other.cache.sizeOf(digest), await other.cache.manifest(digest)];

    it('tells one what another has seen', async () => {
      await learn();
      expect(await read()).toEqual([body.length, body]);
    });

    it('writes only keys of its own, and every one expires', async () => {
      await learn();
      const keys = (await server.command('keys', '*')).split('\n');
      expect(keys.toSorted()).toEqual([manifestKey, sizeKey]);
      for (const key of keys) expect(Number(await server.command('ttl', key))).toBeGreaterThan(500);
    });

    it('sends one command for each question', async () => {
      await learn();
      await server.command('config', 'resetstat');
      expect(await read()).toEqual([body.length, body]);
      const stats = await server.command('info', 'commandstats');
      expect(/^cmdstat_getrange:calls=(\d+)/m.exec(stats)?.[1]).toBe('2');
      expect(stats.match(/^cmdstat_(?!getrange|config)/gm)).toBeNull();
    });

    it('does not keep a manifest of more than 256 KiB', async () => {
      const large = randomBytes(256 * 1024 + 1);
      one.cache.rememberManifest(Digest.of(large), large);
      await written();
      expect(await server.command('dbsize')).toBe('0');
    });

    it.each(['', 'junk', '0', '-1', '1e99', '{"size":19}', '1 19', '1 19 AAAAAAAAAAAAAAAAAAAAAA'])(
      'ignores %j in place of a size (B8)',
      async (value) => {
        await write(sizeKey, value);
        expect(await other.cache.sizeOf(digest)).toBeUndefined();
        expect(other.cache.counts.errors).toBe(value === '' ? 0 : 1);
      },
    );

    it('ignores the size of another blob, and one that somebody has changed (B8)', async () => {
      await learn();
      const good = await server.command('get', sizeKey);
      const foreign = Digest.of(Buffer.from('another'));
      await write(`holdfast:cache:1:size:${foreign.toString()}`, good);
      expect(await other.cache.sizeOf(foreign)).toBeUndefined();
      await write(sizeKey, good.replace(` ${body.length} `, ` ${body.length + 1} `));
      expect(await other.cache.sizeOf(digest)).toBeUndefined();
      expect(other.cache.counts).toEqual({ requests: 2, hits: 0, errors: 2 });
    });

    it('believes no registry that has other secrets', async () => {
      const stranger = new RedisCache(one.redis, () => ['another secret']);
      stranger.rememberSize(digest, 17);
      await written();
      expect(await other.cache.sizeOf(digest)).toBeUndefined();
    });

    it.each(['junk', '{}', `${body.toString()} `, body.toString().slice(1)])(
      'ignores %j in place of a manifest (B8)',
      async (value) => {
        await write(manifestKey, value);
        expect(await other.cache.manifest(digest)).toBeUndefined();
        expect(other.cache.counts).toEqual({ requests: 1, hits: 0, errors: 1 });
      },
    );

    it('ignores huge values, and does not load them (B8)', async () => {
      for (const key of [sizeKey, manifestKey]) {
        await server.command('setrange', key, String(400 * 1024 * 1024), 'x');
      }
      const before = process.memoryUsage.rss();
      for (let time = 0; time < 20; time++) expect(await read()).toEqual([undefined, undefined]);
      expect(process.memoryUsage.rss() - before).toBeLessThan(100 * 1024 * 1024);
      expect(other.cache.counts).toEqual({ requests: 40, hits: 0, errors: 40 });
      expect(other.redis.state.up).toBe(true);
    });

    it('ignores what is no text at all (B8)', async () => {
      await server.command('lpush', sizeKey, '19');
      await server.command('hset', manifestKey, 'size', '19');
      for (let time = 0; time < 20; time++) expect(await read()).toEqual([undefined, undefined]);
      expect(other.redis.state.up).toBe(true);
    });

    it('finds nothing while everything is flushed again and again, and never anything wrong (B4)', async () => {
      const all = Array.from({ length: 20 }, () => randomBytes(1000));
      let found = 0;
      for (let round = 0; round < 20; round++) {
        for (const each of all) one.cache.rememberManifest(Digest.of(each), each);
        if (round % 2 === 1) await server.command('flushall');
        for (const each of all) {
          const read = await other.cache.manifest(Digest.of(each));
          expect([undefined, each]).toContainEqual(read);
          if (read !== undefined) found++;
        }
      }
      expect(found).toBeGreaterThan(0);
      expect(found).toBeLessThan(400);
      expect(other.cache.counts.errors).toBe(0);
    });

    it('finds nothing while Redis is stopped, and holds nobody up (B5)', async () => {
      await learn();
      const hasty = await open(oneLevel, { calltimeout: '50ms' });
      const { cache } = hasty;
      server.pause();
      const asked = Array.from({ length: 200 }, () => inTime(cache.sizeOf(digest)));
      expect(new Set(await Promise.all(asked))).toEqual(new Set([undefined]));
      const askedInVain = async () => {
        for (let time = 0; time < 200; time++) await cache.manifest(digest);
      };
      await inTime(askedInVain());
      cache.rememberManifest(digest, body);
      server.resume();
      await until('the value', async () => (await cache.sizeOf(digest)) === body.length);
      await hasty.close();
    });

    it('has few bytes on their way at once', async () => {
      server.pause();
      const large = Array.from({ length: 100 }, () => randomBytes(250 * 1024));
      for (const each of large) one.cache.rememberManifest(Digest.of(each), each);
      server.resume();
      await written();
      const kept = Number(await server.command('dbsize'));
      expect(kept).toBeLessThanOrEqual(Math.floor((8 * 1024) / 250));
    });
  });
});
