import { mkdir, readFile as read, rename, writeFile } from 'node:fs/promises';

import { expect, it } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { freePort } from '../support/free-port.js';
import { redisCli } from '../support/servers/redis.js';
import { serverEnvironment, ServerProcess } from '../support/servers/server-process.js';
import { until } from '../support/until.js';
import { away, get, messages, set, there, untilUp } from './open-connection.js';
import { calltimeout, Setting } from './setting.js';

describeWith(['redis-server', 'redis-cli'], 'RedisConnection, by TLS', () => {
  const setting = Setting.ofEachTest();
  const pem = (name: string) => setting.folder.join('redis', name);
  const rootcas = () => [pem('ca.crt')];
  const own = () => ({ certificate: pem('redis.crt'), key: pem('redis.key') });

  it('shows its own certificate where one is asked for, also one that came later', async () => {
    const server = await setting.start({ tls: true });
    await server.command('config', 'set', 'tls-auth-clients', 'yes');
    const client = { certificate: pem('client.crt'), key: pem('client.key') };
    const other = await setting.start({ tls: true, name: 'other' });
    // A pair, of an authority that this server does not know.
    await writeFile(client.certificate, await read(setting.folder.join('other', 'redis.crt')));
    await writeFile(client.key, await read(setting.folder.join('other', 'redis.key')));
    await other.stop();
    const tls = { ...client, rootcas: rootcas() };
    const { redis, log } = await setting.open({ addrs: [server.host], tls });
    redis.start();
    await until('the first try', async () => messages(log).includes(away));
    expect(redis.state.up).toBe(false);
    await writeFile(`${client.certificate}.new`, await read(own().certificate));
    await writeFile(`${client.key}.new`, await read(own().key));
    await rename(`${client.certificate}.new`, client.certificate);
    await rename(`${client.key}.new`, client.key);
    await untilUp(redis);
    expect(await set(redis, 'holdfast:key', 'value')).toBe('OK');
  });

  it('keeps the files that it has read while new ones cannot be used, and says so once', async () => {
    const server = await setting.start({ tls: true });
    const tls = { rootcas: rootcas() };
    const { redis, log } = await setting.connected({ addrs: [server.host], calltimeout, tls });
    await rename(pem('ca.crt'), pem('ca.old'));
    server.pause();
    await until('the end', async () => {
      await get(redis, 'holdfast:key');
      return !redis.state.up;
    });
    server.resume();
    await untilUp(redis);
    const stays = 'new TLS files for Redis cannot be used; the old ones stay';
    expect(messages(log)).toEqual([there, away, stays, there]);
  });

  it('asks sentinels that want TLS and a password for the master, and logs in to that', async () => {
    const server = await setting.start({
      tls: true,
      args: ['--requirepass', 'p1', '--masterauth', 'p1', '--tls-replication', 'yes'],
    });
    const folder = setting.folder.join('sentinel');
    await mkdir(folder);
    const port = await freePort();
    const file = `${folder}/sentinel.conf`;
    await writeFile(
      file,
      `port 0
tls-port ${port}
bind 127.0.0.1
dir ${folder}
tls-cert-file ${pem('redis.crt')}
tls-key-file ${pem('redis.key')}
tls-ca-cert-file ${pem('ca.crt')}
tls-auth-clients optional
tls-replication yes
requirepass p2
sentinel monitor mymaster ${server.address} ${server.port} 1
sentinel auth-pass mymaster p1
`,
    );
    const cli = ['-p', String(port), '--tls', '--cacert', pem('ca.crt'), '-a', 'p2'];
    setting.ends(
      await ServerProcess.start({
        program: 'redis-server',
        args: [file, '--sentinel'],
        env: serverEnvironment(),
        log: `${folder}.log`,
        ready: async () => (await redisCli(cli, ['ping']).catch(() => '')).includes('PONG'),
      }),
    );
    const section = { addrs: [`127.0.0.1:${port}`], mastername: 'mymaster', password: 'p1' };
    const tls = { rootcas: rootcas() };
    const { redis } = await setting.connected({ ...section, sentinelpassword: 'p2', tls });
    expect(await set(redis, 'holdfast:key', 'value')).toBe('OK');
    const other = await setting.open({ ...section, sentinelpassword: 'p3', tls });
    other.redis.start();
    await until('the first try', async () => other.log.lines.length > 0);
    expect(messages(other.log)).toEqual([away]);
    expect(JSON.stringify([other.log.lines, other.redis.state])).not.toMatch(/p[123]"/);
  });

  it('logs in to the nodes of a cluster', async () => {
    const args = ['--cluster-enabled', 'yes', '--cluster-port', String(await freePort())];
    const server = await setting.start({
      tls: true,
      args: [...args, '--cluster-announce-ip', '127.0.0.1', '--tls-cluster', 'yes'],
      users: ['user default on nopass ~* +@all', 'user holdfast on >s3cret ~holdfast:* +@all'],
    });
    await server.command('cluster', 'addslotsrange', '0', '16383');
    await until('all slots', async () =>
      (await server.command('cluster', 'info')).includes('cluster_state:ok'),
    );
    await server.command('acl', 'setuser', 'default', 'off');
    const section = { addrs: [server.host, `localhost:${server.port}`], username: 'holdfast' };
    const tls = { rootcas: rootcas() };
    const { redis } = await setting.connected({ ...section, password: 's3cret', tls });
    expect(await set(redis, 'holdfast:key', 'value')).toBe('OK');
    expect(await get(redis, 'holdfast:key')).toBe('value');
    const other = await setting.open({ ...section, password: 's3cre1', tls });
    other.redis.start();
    await until('the first try', async () => other.log.lines.length > 0);
    expect(messages(other.log)).toEqual([away]);
    expect(JSON.stringify([other.log.lines, other.redis.state])).not.toContain('s3cre');
  });
});
