import { afterAll, describe, expect, it } from '@jest/globals';

import { diffReload } from '#config/reload.js';

import { file, WrittenConfig } from './testing/written-config.js';

const written = new WrittenConfig();
afterAll(() => written.remove());

const load = (yaml: string) => written.load(yaml);

describe('what is known and not obeyed', () => {
  it.each([
    [
      'redis: { addrs: ["redis:6379"], pool: { maxidle: 16, maxactive: 64, idletimeout: 300s } }',
      'redis.pool is not supported: a process needs one connection',
    ],
    [
      'redis: { addrs: ["redis:6379"], maxretries: 3 }',
      'redis.maxretries is not supported: a call',
    ],
    ['redis: { addr: "redis:6379" }', 'redis.addr is outdated: write a list, addrs'],
    [
      'queue: { redis: { addrs: ["a:1"], poolsize: 1 } }',
      'queue.redis is not supported: nothing is',
    ],
    [
      'notifications: { endpoints: [{ name: a, url: "http://a" }] }',
      'notifications.endpoints is not supported: no event is sent to any endpoint',
    ],
    [
      'storage: { cache: { layerinfo: inmemory } }',
      'storage.cache.layerinfo is outdated: write storage.cache.blobdescriptor',
    ],
    [
      'compatibility: { schema1: { enabled: true } }',
      'compatibility.schema1 is not supported: manifests of schema 1 are refused',
    ],
    ['reporting: { bugsnag: { apikey: a } }', 'reporting is not supported: nothing is reported'],
    [
      'log: { hooks: [{ type: mail, options: { smtp: { password: p } } }] }',
      'log.hooks is not supported: no mail is sent',
    ],
    [
      'http: { tls: { minimumtls: tls1.0 } }',
      'http.tls.minimumtls is not supported: versions before 1.2',
    ],
    ['loglevel: debug', 'loglevel is outdated: write log.level'],
    ['validation: { enabled: true }', 'validation.enabled is outdated: write validation.disabled'],
  ])('warns of %j', (yaml, expected) => {
    const { warnings } = load(file(yaml));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.startsWith(expected)).toBe(true);
  });

  it.each([
    'notifications: { endpoints: [{ name: a, url: "http://a", disabled: true }] }',
    'compatibility: { schema1: { enabled: false } }',
    'middleware: { storage: [{ name: redirect, disabled: true }] }',
    'log: { hooks: [{ type: mail, disabled: true }], reportcaller: false }',
    'http: { debug: { prometheus: { enabled: true, path: /metrics } } }',
    'proxy: { remoteurl: "" }',
    'policy: { repository: { classes: [] } }',
  ])('is silent where it changes nothing: %j', (yaml) => {
    expect(load(file(yaml)).warnings).toEqual([]);
  });

  it('does not let the older switch of validation open what the newer one closes', () => {
    expect(
      load(file('validation: { enabled: true, disabled: true }')).config.validation.disabled,
    ).toBe(false);
  });
});

describe('diffReload', () => {
  it('tells what can change at once from what needs a restart', () => {
    const old = load(file('log: { level: info }', 'http: { addr: ":5000" }'));
    const next = load(
      file('log: { level: debug }', 'http: { addr: ":6000", headers: { X-A: b } }'),
    );
    expect(diffReload(old, next)).toEqual({
      live: ['log.level'],
      needRestart: ['http.addr', 'http.headers', 'http.headers.X-A'],
    });
    expect(diffReload(old, load(file('http: {}')))).toEqual({ live: [], needRestart: [] });
  });
});
