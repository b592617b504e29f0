import { expect, it } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { freePort } from '../support/free-port.js';
import { until } from '../support/until.js';
import { away, get, messages, set, there, untilUp } from './open-connection.js';
import { calltimeout, inTime, miss, Setting } from './setting.js';

describeWith(['redis-server', 'redis-cli'], 'RedisConnection', () => {
  const setting = Setting.ofEachTest();

  it('calls, and counts', async () => {
    const server = await setting.start();
    const { redis, log } = await setting.connected({
      addrs: [server.host],
      clientname: 'replica-1',
    });
    const operations: string[] = [];
    redis.observe((operation) => void operations.push(operation));
    await set(redis, 'holdfast:key', 'value');
    expect(await get(redis, 'holdfast:key')).toBe('value');
    expect(operations).toEqual(['Set', 'Get']);
    expect(redis.state).toEqual({
      roles: ['cache'],
      up: true,
      circuit: 'closed',
      reason: undefined,
      answered: 2,
      timeouts: 0,
      errors: 0,
      skipped: 0,
      opened: 0,
    });
    expect(await server.command('client', 'list')).toContain('name=replica-1');
    expect(messages(log)).toEqual([there]);
  });

  it.each([2, 3])(
    'speaks version %i of the protocol, in a database of its own',
    async (protocol) => {
      const server = await setting.start();
      const { redis } = await setting.connected({ addrs: [server.host], protocol, db: 5 });
      await set(redis, 'holdfast:key', 'value');
      expect(await get(redis, 'holdfast:key')).toBe('value');
      expect(await server.command('-n', '5', 'keys', '*')).toBe('holdfast:key');
    },
  );

  it('does without a server that is absent, and finds it when it comes (B1)', async () => {
    const port = await freePort();
    const { redis, log } = await setting.open({ addrs: [`127.0.0.1:${port}`], calltimeout });
    expect(redis.state).toMatchObject({ up: false, reason: 'not connected yet' });
    await miss(redis);
    await until('the first try', async () => log.lines.length > 0);
    for (let time = 0; time < 100; time++) await miss(redis);
    expect(redis.state).toMatchObject({ up: false, skipped: 101, errors: 0, timeouts: 0 });
    expect(redis.state.reason).toContain('ECONNREFUSED');
    await setting.start({ port });
    await untilUp(redis);
    await redis.check();
    expect(messages(log)).toEqual([away, there]);
  });

  it('does without a server that is killed, and comes back to it (B2)', async () => {
    const server = await setting.start();
    const { redis, log } = await setting.connected({ addrs: [server.host], calltimeout });
    await set(redis, 'holdfast:key', 'value');
    const killed = server.kill();
    await until('the end of the connection', async () => {
      await inTime(get(redis, 'holdfast:key'));
      return !redis.state.up;
    });
    await killed;
    await miss(redis);
    expect(redis.state).toMatchObject({ up: false, opened: 1 });
    await expect(redis.check()).rejects.toThrow(/./);
    await server.restart();
    await untilUp(redis);
    await set(redis, 'holdfast:key', 'new');
    expect(await get(redis, 'holdfast:key')).toBe('new');
    expect(messages(log)).toEqual([there, away, there]);
  });

  it.each(['stopped', 'paused by its administrator'])(
    'waits for a server that is %s only a few times, and for nobody for long (B5)',
    async (how) => {
      const server = await setting.start();
      const { redis, log } = await setting.connected({ addrs: [server.host], calltimeout });
      if (how === 'stopped') server.pause();
      else await server.command('client', 'pause', '3000', 'all');
      await Promise.all(Array.from({ length: 500 }, () => miss(redis)));
      expect(redis.state).toMatchObject({
        up: false,
        opened: 1,
        reason: 'it does not answer in time',
      });
      const sent = redis.state.timeouts + redis.state.errors;
      for (let time = 0; time < 1000; time++) await miss(redis);
      expect(redis.state.timeouts + redis.state.errors).toBe(sent);
      expect(redis.state.skipped).toBe(1000);
      if (how === 'stopped') server.resume();
      await untilUp(redis);
      expect(messages(log)).toEqual([there, away, there]);
    },
  );

  it('sends no more than 1,000 calls that wait for an answer', async () => {
    const server = await setting.start();
    const { redis } = await setting.connected({ addrs: [server.host], calltimeout });
    server.pause();
    const calls = Array.from({ length: 1500 }, () => miss(redis));
    expect(redis.state.skipped).toBe(500);
    await Promise.all(calls);
    server.resume();
  });

  it('goes on reading from a server that is full (B6)', async () => {
    const server = await setting.start({
      args: ['--maxmemory', '2mb', '--maxmemory-policy', 'noeviction'],
    });
    const { redis, log } = await setting.connected({ addrs: [server.host] });
    await until('the look at its memory', async () => log.lines.length > 1);
    expect(log.lines[1]?.fields['problem']).toContain('set maxmemory-policy to allkeys-lru');
    await set(redis, 'holdfast:key', 'value');
    await server.command('config', 'set', 'maxmemory', '1');
    for (let time = 0; time < 20; time++) {
      expect(await set(redis, 'holdfast:other', 'value')).toBeUndefined();
      expect(await get(redis, 'holdfast:key')).toBe('value');
    }
    expect(redis.state).toMatchObject({ up: true, errors: 20 });
    expect(messages(log).slice(2)).toEqual(['Redis refuses calls']);
    expect(log.lines[2]?.fields['answer']).toMatch(/^OOM /);
  });

  it('goes on reading from a server that has become a replica (B6)', async () => {
    const server = await setting.start();
    const other = await setting.start({ name: 'other' });
    const { redis, log } = await setting.connected({ addrs: [server.host] });
    await set(redis, 'holdfast:key', 'value');
    await other.command('set', 'holdfast:key', 'value');
    await server.command('replicaof', other.address, String(other.port));
    await until('a write to be refused', async () => {
      await set(redis, 'holdfast:key', 'value');
      return redis.state.errors > 0;
    });
    for (let time = 0; time < 20; time++)
      expect(await set(redis, 'holdfast:x', '')).toBeUndefined();
    await until('the copy', async () => (await get(redis, 'holdfast:key')) === 'value');
    expect(redis.state).toMatchObject({ up: true, opened: 0 });
    await server.command('replicaof', 'no', 'one');
    await until('a write', async () => (await set(redis, 'holdfast:new', 'value')) === 'OK');
    expect(messages(log)).toEqual([there, 'Redis refuses calls']);
  });

  it('does without a server that wants another password, and shows none (B6)', async () => {
    const server = await setting.start({ args: ['--requirepass', 'hunter2'] });
    for (const credentials of [
      {},
      { password: 'hunter1' },
      { username: 'u', password: 'hunter1' },
    ]) {
      const { redis, log } = await setting.open({
        addrs: [server.host],
        calltimeout,
        ...credentials,
      });
      redis.start();
      await until('the first try', async () => log.lines.length > 0);
      await miss(redis);
      expect(redis.state.reason).toMatch(/^(NOAUTH|WRONGPASS) /);
      expect(JSON.stringify([log.lines, redis.state])).not.toContain('hunter');
    }
    const { redis } = await setting.connected({ addrs: [server.host], password: 'hunter2' });
    await server.command('-a', 'hunter2', 'config', 'set', 'requirepass', 'other');
    await redis.check();
  });

  it('lets go of a server that does not answer', async () => {
    const server = await setting.start();
    const { redis } = await setting.connected({ addrs: [server.host], calltimeout });
    server.pause();
    const call = miss(redis);
    await inTime(redis.close(), 900);
    await call;
    expect(redis.state).toMatchObject({ up: false, reason: 'closed' });
    await miss(redis);
    server.resume();
  });
});
