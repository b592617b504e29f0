import { afterAll, describe, expect, it } from '@jest/globals';

import type { Environment } from '#config/environment.js';

import { loadRegistryConfig } from './load-config.js';
import { file, WrittenConfig } from './testing/written-config.js';

const written = new WrittenConfig();
afterAll(() => written.remove());

const load = (env: Environment) => loadRegistryConfig({ env });
const loadOver = (yaml: string, env: Environment) => written.load(file(yaml), env);
const problems = (env: Environment) => written.problems(file(), env);

const accounts = { REGISTRY_AUTH_HTPASSWD_REALM: 'r', REGISTRY_AUTH_HTPASSWD_PATH: '/p' };

describe('variables', () => {
  it('set keys, whether or not the file has their section', () => {
    const { config, warnings } = loadOver('http: { addr: ":1" }', {
      REGISTRY_HTTP_ADDR: ':2',
      REGISTRY_HTTP_TLS_MINIMUMTLS: 'tls1.3',
      REGISTRY_STORAGE_DELETE_ENABLED: 'true',
      REGISTRY_LOG_LEVEL: 'DEBUG',
      HOME: '/root',
    });
    expect(warnings).toEqual([]);
    expect(config.http.addr).toBe(':2');
    expect(config.http.tls.minimumtls).toBe('tls1.3');
    expect(config.storage.delete.enabled).toBe(true);
    expect(config.log.level).toBe('debug');
  });

  it('set entries of lists, one by one or all at once', () => {
    const tls = { REGISTRY_HTTP_TLS_CERTIFICATE: '/c', REGISTRY_HTTP_TLS_KEY: '/k' };
    const one = load({
      ...tls,
      REGISTRY_HTTP_TLS_CLIENTCAS_0: '/a',
      REGISTRY_HTTP_TLS_CLIENTCAS_1: '/b',
    });
    expect(one.config.http.tls.clientcas).toEqual(['/a', '/b']);
    const all = load({ ...tls, REGISTRY_HTTP_TLS_CLIENTCAS: '[/a, /b]' });
    expect(all.config.http.tls.clientcas).toEqual(['/a', '/b']);
    const single = load({ ...tls, REGISTRY_HTTP_TLS_CLIENTCAS: '/a' });
    expect(single.config.http.tls.clientcas).toEqual(['/a']);
  });

  it('fill lists in the order of their numbers, not of their letters', () => {
    const env = Object.fromEntries(
      Array.from({ length: 12 }, (_, index) => [
        `REGISTRY_HTTP_TRUSTEDPROXIES_${index}`,
        `10.0.0.${index}`,
      ]),
    );
    const { config } = loadOver('http: { trustedproxies: [] }', env);
    expect(config.http.trustedproxies[11]).toBe('10.0.0.11');
    expect(config.http.trustedproxies).toHaveLength(12);
  });

  it('leave no gap in a list', () => {
    expect(problems({ REGISTRY_HEALTH_TCP_1_ADDR: 'a:1' })).toEqual([
      'REGISTRY_HEALTH_TCP_1_ADDR: what it belongs to is not there; lists are filled from 0 on, without gaps',
    ]);
  });

  it('give whole sections as YAML or JSON, refined by more exact variables', () => {
    const { config } = load({
      REGISTRY_STORAGE_MAINTENANCE_READONLY: '{"enabled":true}',
      REGISTRY_HEALTH_STORAGEDRIVER: 'enabled: true\ninterval: 30s\n',
      REGISTRY_HEALTH_STORAGEDRIVER_INTERVAL: '40s',
      REGISTRY_VALIDATION_MANIFESTS_URLS_ALLOW: '["^https?://"]',
    });
    expect(config.storage.maintenance.readonly.enabled).toBe(true);
    expect(config.health.storagedriver.interval).toBe(40_000);
    expect(config.validation.manifests.urls.allow[0]?.test('https://example.com')).toBe(true);
  });

  it('give whole lists as a block, and entries of it one by one', () => {
    const { warnings, settings } = load({
      REGISTRY_NOTIFICATIONS_ENDPOINTS: '- name: a\n  url: http://a\n  timeout: 500ms\n',
      REGISTRY_NOTIFICATIONS_ENDPOINTS_0_HEADERS: 'X-A: [b]',
      REGISTRY_NOTIFICATIONS_ENDPOINTS_0_HEADERS_AUTHORIZATION_0: 'Bearer b',
      REGISTRY_NOTIFICATIONS_EVENTCONFIG_INCLUDEREFERENCES: 'true',
    });
    expect(warnings).toEqual([
      'notifications.endpoints is not supported: no event is sent to any endpoint',
    ]);
    expect(settings.get('notifications.endpoints[0].headers.Authorization')?.value).toEqual([
      'Bearer b',
    ]);
    expect(settings.get('notifications.endpoints[0].headers.X-A')?.value).toEqual(['b']);
    expect(settings.get('notifications.events.includereferences')?.value).toBe('true');
  });

  it('choose a section by its name, and put the others aside', () => {
    const { config } = loadOver(
      'storage: { filesystem: { rootdirectory: /r }, delete: { enabled: true } }\nauth: { silly: { realm: r, service: s } }',
      { REGISTRY_STORAGE: 'inmemory', REGISTRY_AUTH: 'htpasswd', ...accounts },
    );
    expect(config.storage.driver).toEqual({ driver: 'inmemory' });
    expect(config.storage.delete.enabled).toBe(true);
    expect(config.auth).toEqual({ scheme: 'htpasswd', realm: 'r', path: '/p' });
  });

  it('choose none', () => {
    expect(load({ REGISTRY_AUTH: 'none' }).config.auth).toEqual({ scheme: 'none' });
  });

  it('keep the names of headers in their case', () => {
    const { config } = loadOver('http: { headers: { x-FROM-file: [a] } }', {
      'REGISTRY_HTTP_HEADERS_X-Content-Type-Options': '[nosniff]',
      REGISTRY_HTTP_HEADERS_ACCESS_CONTROL_ALLOW_ORIGIN: '*',
      REGISTRY_HTTP_HEADERS_X_LIST_0: 'one',
      REGISTRY_HTTP_HEADERS_X_LIST_1: 'two',
      REGISTRY_HTTP_HEADERS_X_FROM_FILE: 'b',
    });
    expect(config.http.headers).toEqual({
      'x-FROM-file': ['b'],
      'X-Content-Type-Options': ['nosniff'],
      'Access-Control-Allow-Origin': ['*'],
      'X-List': ['one', 'two'],
    });
  });

  it('take text as it is, but for white space around it and quotes that no shell took off', () => {
    const secretOf = (text: string) =>
      load({ REGISTRY_HTTP_SECRET: text }).config.http.secret?.reveal();
    expect(secretOf(' a: b #c\n')).toBe('a: b #c');
    expect(secretOf('"quoted"')).toBe('quoted');
    expect(secretOf('*&!%@`{}[]')).toBe('*&!%@`{}[]');
    expect(secretOf('0123')).toBe('0123');
  });

  it('take a value away when they are empty', () => {
    const { config } = loadOver('http: { host: "https://a.example.com", addr: ":1" }', {
      REGISTRY_HTTP_HOST: '',
      REGISTRY_HTTP_ADDR: '',
    });
    expect(config.http.host).toBeUndefined();
    expect(config.http.addr).toBe(':5000');
  });

  it('take no section away when they are empty', () => {
    const { config, warnings } = loadOver('log: { level: debug }', { REGISTRY_LOG: '' });
    expect(config.log.level).toBe('debug');
    expect(warnings).toEqual(['REGISTRY_LOG is empty and is ignored']);
  });

  it.each([
    ['REGISTRY_AUTH'],
    ['REGISTRY_AUTH', ' \n'],
    ['REGISTRY_AUTH', '~'],
    ['REGISTRY_auth'],
    ['REGISTRY_AUTH_HTPASSWD'],
    ['REGISTRY_HTTP_TLS'],
    ['REGISTRY_HTTP_TLS_CERTIFICATE'],
    ['REGISTRY_HTTP_TLS_CLIENTAUTH'],
    ['REGISTRY_HTTP_TLS_CLIENTCAS'],
    ['REGISTRY_HTTP_TLS_LETSENCRYPT'],
    ['REGISTRY_HTTP_TLS_LETSENCRYPT_CACHEFILE'],
    ['REGISTRY_REDIS_TLS'],
    ['REGISTRY_REDIS_TLS_ROOTCAS'],
  ])(
    'are refused where a door would stay open because they are empty: %s, %j',
    (name, text = '') => {
      const sections = 'auth: { silly: { realm: r, service: s } }\nredis: { addrs: ["a:1"] }';
      for (const lines of [
        problems({ [name]: text }),
        written.problems(file(sections), { [name]: text }),
      ]) {
        expect(lines).toEqual([expect.stringContaining(`${name} is empty`)]);
      }
    },
  );

  it('are refused, each by its name, where both files of TLS are not named', () => {
    const tls = { REGISTRY_HTTP_TLS_CERTIFICATE: '', REGISTRY_HTTP_TLS_KEY: '' };
    expect(problems(tls)).toEqual(
      Object.keys(tls).map((name) => expect.stringContaining(`${name} is empty`)),
    );
    expect(written.problems(file('http: { tls: { certificate: /c, key: /k } }'), tls)).toHaveLength(
      2,
    );
  });

  it('say what else to write when they would let everybody in', () => {
    expect(problems({ REGISTRY_AUTH: '' })).toEqual([
      'REGISTRY_AUTH is empty: give it a value, or leave it out; none lets everybody in',
    ]);
  });

  it('are named when what they say is wrong', () => {
    expect(problems({ REGISTRY_HTTP_DRAINTIMEOUT: 'soon' })).toEqual([
      'http.draintimeout is "soon": expected a duration such as 10s, 168h or 1h30m (set by REGISTRY_HTTP_DRAINTIMEOUT)',
    ]);
    expect(problems({ REGISTRY_HTTP: '{' })[0]).toMatch(
      /^REGISTRY_HTTP: cannot be read as YAML: line 1/,
    );
    expect(problems({ REGISTRY_AUTH: 'user:canary' })).toEqual([
      'REGISTRY_AUTH: expected one of htpasswd, silly, none, token, or a section as YAML',
    ]);
    expect(problems({ REGISTRY_HTTP: 'canary' })).toEqual([
      'REGISTRY_HTTP: expected a section, written as YAML or JSON',
    ]);
    expect(problems({ REGISTRY_LOG: '[canary]' })).toEqual([
      'log: expected a section (set by REGISTRY_LOG)',
    ]);
  });
});

describe('variables that are no settings', () => {
  it('get one warning each, with the nearest name', () => {
    const { warnings } = load({
      REGISTRY_STORAGE_FILESYSTEM_ROOTDIR: '/r',
      REGISTRY_WHATEVER_ELSE_THERE_MAY_BE: '1',
      REGISTRY_VERSION: '2.8.3',
    });
    expect(warnings).toEqual([
      'REGISTRY_STORAGE_FILESYSTEM_ROOTDIR is not a setting and is ignored; did you mean REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY?',
      expect.stringMatching(/^REGISTRY_WHATEVER_ELSE_THERE_MAY_BE is not a setting and is ignored/),
      expect.stringMatching(/^REGISTRY_VERSION is not a setting and is ignored/),
    ]);
  });

  it.each([
    ['REGISTRY_AUTH_HTPASSWD_PAHT', 'REGISTRY_AUTH_HTPASSWD_PATH'],
    ['REGISTRY_HTTP_TLS_CLIENTCA', 'REGISTRY_HTTP_TLS_CLIENTCAS'],
  ])('are refused where they would leave a door open: %s', (name, meant) => {
    expect(problems({ ...accounts, [name]: '/p' })).toEqual([
      `${name} is not a setting; did you mean ${meant}?`,
    ]);
  });

  it('are passed over when Kubernetes made them for a service', () => {
    const { warnings } = load({
      REGISTRY_PORT: 'tcp://10.0.0.1:5000',
      REGISTRY_SERVICE_HOST: '10.0.0.1',
      REGISTRY_SERVICE_PORT: '5000',
      REGISTRY_SERVICE_PORT_HTTP: '5000',
      REGISTRY_PORT_5000_TCP: 'tcp://10.0.0.1:5000',
      REGISTRY_PORT_5000_TCP_ADDR: '10.0.0.1',
      REGISTRY_PORT_5000_TCP_PORT: '5000',
      REGISTRY_PORT_5000_TCP_PROTO: 'tcp',
      REGISTRY_REDIS_SERVICE_HOST: 'fd00::1',
      REGISTRY_REDIS_PORT: 'tcp://[fd00::1]:6379',
      REGISTRY_AUTH_SERVICE_HOST: '10.0.0.2',
    });
    expect(warnings).toEqual([]);
  });

  it('are not passed over when only the name looks like that', () => {
    expect(load({ REGISTRY_PORT: '5000' }).warnings).toHaveLength(1);
    expect(problems({ REGISTRY_AUTH_SERVICE_HOST: 'auth.example.com' })).toHaveLength(1);
  });
});
