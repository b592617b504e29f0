import { describe, expect, it } from '@jest/globals';

import { redisConfig } from './redis-config.js';

const parse = (section: object) => redisConfig.parse(section);
const problems = (section: object) =>
  redisConfig
    .safeParse(section)
    .error?.issues.map(({ path, message }) => [
      path.join('.'),
      message.replace(/^expected /, ''),
    ]) ?? [];

describe('redisConfig', () => {
  it('is nothing where no server is named', () => {
    expect(parse({})).toBeUndefined();
    expect(parse({ password: 'p', db: 1 })).toBeUndefined();
  });

  it.each([
    [{ addrs: ['a:1'] }, { kind: 'single', address: { host: 'a', port: 1 } }],
    [{ addr: 'a' }, { kind: 'single', address: { host: 'a', port: 6379 } }],
    [{ addrs: ['/run/r.sock'] }, { kind: 'single', address: { path: '/run/r.sock' } }],
    [
      { addrs: ['a:1', 'b'] },
      {
        kind: 'cluster',
        nodes: [
          { host: 'a', port: 1 },
          { host: 'b', port: 6379 },
        ],
      },
    ],
    [
      { addrs: ['a', 'b:2'], mastername: 'm' },
      {
        kind: 'sentinel',
        master: 'm',
        sentinels: [
          { host: 'a', port: 26_379 },
          { host: 'b', port: 2 },
        ],
      },
    ],
  ])('finds out what the servers are: %j', (section, servers) => {
    expect(parse(section)?.servers).toEqual(servers);
  });

  it.each([
    [{}, 50],
    [{ calltimeout: '20ms' }, 20],
    [{ readtimeout: '10ms' }, 10],
    [{ readtimeout: '3s', writetimeout: '5ms' }, 5],
    [{ readtimeout: '-1', writetimeout: '0' }, 50],
  ])('bounds calls by the shortest of the times: %j', (times, bound) => {
    expect(parse({ addrs: ['a'], ...times })?.callTimeout).toBe(bound);
  });

  it.each([
    [{}, undefined],
    [{ tls: { enabled: 'true' } }, { enabled: true, rootcas: [] }],
    [{ tls: { rootcas: ['/ca.pem'] } }, { rootcas: ['/ca.pem'] }],
    [{ tls: { enabled: false, certificate: '/c', key: '/k' } }, undefined],
  ])('knows whether TLS is wanted: %j', (section, tls) => {
    expect(parse({ addrs: ['a'], ...section })?.tls).toEqual(tls);
  });

  it.each([
    [{}, 'master'],
    [{ readonly: 'true' }, 'slave'],
    [{ routerandomly: 'true' }, 'all'],
    [{ readonly: 'true', routebylatency: 'true' }, 'all'],
  ])('knows which nodes are read from: %j', (section, readFrom) => {
    expect(parse({ addrs: ['a', 'b'], ...section })?.readFrom).toBe(readFrom);
  });

  it.each([
    [{ addrs: ['redis://a:1'] }, 'addrs.0', 'host:port such as redis:6379'],
    [{ addrs: ['a:1', 'user:pass@b:1'] }, 'addrs.1', 'host:port such as redis:6379'],
    [{ addr: 'a:99999' }, 'addr', 'host:port such as redis:6379'],
    [{ addrs: ['a'], addr: 'b' }, 'addr', 'nothing here beside addrs'],
    [{ addrs: ['a:1', '/run/r.sock'] }, 'addrs.1', 'host:port: a socket is one server alone'],
    [{ addrs: ['/s'], mastername: 'm' }, 'addrs.0', 'host:port: a socket is one server alone'],
    [{ mastername: 'm' }, 'addrs', 'the addresses of the sentinels'],
    [{ addrs: ['a:1', 'b:1'], db: 1 }, 'db', '0: several addrs without mastername'],
    [{ addrs: ['a'], username: 'u' }, 'password', 'the password of username'],
    [{ addrs: ['a'], tls: { certificate: '/c' } }, 'tls.key', 'the file with the key'],
    [{ addrs: ['a'], tls: { key: '/k' } }, 'tls.certificate', 'the file with the certificate'],
    [{ addrs: ['a'], protocol: 4 }, 'protocol', 'a whole number, at most 3'],
    [{ addrs: ['a'], calltimeout: '0' }, 'calltimeout', 'a duration such as 10s'],
  ])('refuses what cannot work: %j', (section, key, expected) => {
    expect(problems(section)).toEqual([[key, expect.stringContaining(expected)]]);
  });

  it('shows no password', () => {
    const config = parse({ addrs: ['a'], username: 'u', password: 'hunter2' });
    expect(JSON.stringify(config)).not.toContain('hunter2');
    expect(config?.password?.reveal()).toBe('hunter2');
  });
});
