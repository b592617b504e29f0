import { writeFileSync } from 'node:fs';

import { afterAll, describe, expect, it } from '@jest/globals';

import { loadRegistryConfig } from './load-config.js';
import { file, WrittenConfig } from './testing/written-config.js';

const written = new WrittenConfig();
const { folder, path } = written;
afterAll(() => written.remove());

const load = (yaml: string, env = {}) => written.load(yaml, env);
const problems = (yaml: string) => written.problems(yaml);

describe('where the configuration comes from', () => {
  it('is nowhere: files in ./data, port 5000, open to all', () => {
    const { config, warnings } = loadRegistryConfig({ env: {} });
    expect(warnings).toEqual([]);
    expect(config.storage.driver).toEqual({
      driver: 'filesystem',
      rootdirectory: './data',
      maxthreads: 100,
    });
    expect(config.http.addr).toBe(':5000');
    expect(config.auth).toEqual({ scheme: 'none' });
    expect(config.http.draintimeout).toBe(60_000);
    expect(config.http.drainwait).toBe(5_000);
  });

  it('is a file: what it leaves out is where Distribution has it', () => {
    expect(load(file('storage: { filesystem: { maxthreads: 30 } }')).config.storage.driver).toEqual(
      {
        driver: 'filesystem',
        rootdirectory: '/var/lib/registry',
        maxthreads: 30,
      },
    );
  });

  it('is a file that a variable names', () => {
    writeFileSync(path, file('http: { addr: "localhost:7000" }'));
    const { config, path: found } = loadRegistryConfig({
      env: { REGISTRY_CONFIGURATION_PATH: path },
    });
    expect(config.http.addr).toBe('localhost:7000');
    expect(found).toBe(path);
  });

  it('says of each value where it came from', () => {
    const { settings } = load(file('log: { level: debug }', 'http: { headers: { X-A: [b] } }'), {
      REGISTRY_HTTP_ADDR: ':6000',
      REGISTRY_HTTP_HEADERS_X_C: 'd',
    });
    const source = (key: string) => settings.get(key)?.source;
    expect(source('log.level')).toBe('file');
    expect(source('http.addr')).toBe('environment REGISTRY_HTTP_ADDR');
    expect(source('http.headers.X-A')).toBe('file');
    expect(source('http.headers.X-C')).toBe('environment REGISTRY_HTTP_HEADERS_X_C');
    expect(source('http.net')).toBe('default');
  });

  it.each([
    ['/there/is/none.yml', 'there is no such configuration file'],
    [folder, 'the configuration file is a folder'],
  ])('is not %s', (where, reason) => {
    expect(() => loadRegistryConfig({ path: where, env: {} })).toThrow(`${where}: ${reason}`);
  });

  it('is not a file in another encoding', () => {
    writeFileSync(path, Buffer.from([0x76, 0xff, 0xfe]));
    expect(() => loadRegistryConfig({ path, env: {} })).toThrow('not UTF-8');
  });
});

describe('the file', () => {
  it('takes what registry:3 is started with', () => {
    const { config, warnings } = load(
      file(
        'log: { fields: { service: registry } }',
        'storage:',
        '  cache: { blobdescriptor: inmemory }',
        '  filesystem: { rootdirectory: /var/lib/registry }',
        '  tag: { concurrencylimit: 8 }',
        'http:',
        '  addr: :5000',
        '  headers: { X-Content-Type-Options: [nosniff] }',
        'health: { storagedriver: { enabled: true, interval: 10s, threshold: 3 } }',
      ),
    );
    expect(warnings).toEqual([]);
    expect(config.log).toMatchObject({
      level: 'info',
      formatter: 'text',
      fields: { service: 'registry' },
    });
    expect(config.http.headers).toEqual({ 'X-Content-Type-Options': ['nosniff'] });
    expect(config.health.storagedriver).toEqual({ enabled: true, interval: 10_000, threshold: 3 });
  });

  it('keeps text as it stands', () => {
    const { config } = load(
      file('http:', '  secret: 0123', '  headers: { X-A: [on, 1.0, "", null] }'),
    );
    expect(config.http.secret?.reveal()).toBe('0123');
    expect(config.http.headers).toEqual({ 'X-A': ['on', '1.0', '', ''] });
  });

  it('takes anchors and merge keys', () => {
    const { config } = load(
      file(
        'health:',
        '  tcp:',
        '    - &one { addr: "a:1", interval: 1s }',
        '    - { <<: *one, addr: "b:2" }',
      ),
    );
    expect(config.health.tcp.map(({ addr, interval }) => [addr, interval])).toEqual([
      ['a:1', 1000],
      ['b:2', 1000],
    ]);
  });

  it('takes nothing and empty text for what is not set, as Go does', () => {
    const { config } = load(
      file(
        'storage:',
        '  inmemory:',
        'http:',
        '  secret: ""',
        '  tls:',
        '    certificate: ""',
        '    key:',
        '  debug:',
      ),
    );
    expect(config.storage.driver).toEqual({ driver: 'inmemory' });
    expect(config.http.secret).toBeUndefined();
    expect(config.http.tls.certificate).toBeUndefined();
  });

  it.each([
    ['a name for a section that chooses', 'storage: inmemory', { driver: 'inmemory' }],
    ['the older log level', 'loglevel: debug\nstorage: inmemory', { driver: 'inmemory' }],
  ])('takes %s', (_what, yaml, driver) => {
    expect(load(file(yaml)).config.storage.driver).toEqual(driver);
  });

  it('lets log.level win over loglevel', () => {
    expect(load(file('loglevel: debug')).config.log.level).toBe('debug');
    expect(load(file('loglevel: debug', 'log: { level: WARN }')).config.log.level).toBe('warn');
  });

  it.each([
    ['http: { adr: ":1" }', 'http.adr is not a known key; did you mean http.addr?'],
    ['htp: {}', 'htp is not a known key; did you mean http?'],
    [
      'readonly: { enabled: true }',
      'readonly is not a known key; did you mean storage.maintenance.readonly?',
    ],
    ['http: { tls: { zzzzzzzz: 1 } }', 'http.tls.zzzzzzzz is not a known key'],
    [
      'health: { tcp: [{ addr: "a:1", intervall: 1s }] }',
      'health.tcp[0].intervall is not a known key; did you mean health.tcp[0].interval?',
    ],
    ['__proto__: { polluted: 1 }', '__proto__ is not a known key'],
    ['"a\\nb": 1', '(a name that is not a word) is not a known key'],
    [
      'storage: { filesystem: {}, inmemory: {} }',
      'storage: filesystem and inmemory exclude each other; keep one of them',
    ],
    ['storage: { oss: { bucket: b } }', 'storage.oss is refused: OSS speaks S3: choose s3'],
    [
      'storage: { filesystem: { maxthreads: 24 } }',
      'storage.filesystem.maxthreads is "24": expected a whole number, at least 25',
    ],
    [
      'storage: { maintenance: { uploadpurging: { age: 7 days } } }',
      'storage.maintenance.uploadpurging.age is "7 days": expected a duration such as 10s, 168h or 1h30m',
    ],
    [
      'storage: { delete: { enabled: maybe } }',
      'storage.delete.enabled is "maybe": expected true or false',
    ],
    ['storage: { delete: true }', 'storage.delete: expected a section'],
    [
      'auth:',
      'auth: expected one of the sections htpasswd, silly, none; remove the key for no access control',
    ],
    [
      'auth: { htpasswd: { realm: r } }',
      'auth.htpasswd.path is missing: expected text that is not empty',
    ],
    ['auth: { ldap: {} }', 'auth.ldap is not a known key'],
    ['log: { level: loud }', 'log.level is "loud": expected one of error, warn, info, debug'],
    ['log: { formatter: [json] }', 'log.formatter: expected one value, not a list or a section'],
    [
      'http: { addr: "5000" }',
      'http.addr is "5000": expected host:port or :port, such as :5000, or the path of a socket',
    ],
    [
      'http: { host: registry.example.com }',
      'http.host is "registry.example.com": expected a URL with scheme and host, such as https://registry.example.com',
    ],
    [
      'http: { trustedproxies: [10.0.0.0/33] }',
      'http.trustedproxies[0] is "10.0.0.0/33": expected an address or a range of addresses, such as 10.0.0.0/8',
    ],
    [
      'http: { tls: { certificate: /c.pem } }',
      'http.tls.key is missing: expected a file, because http.tls.certificate is set',
    ],
    [
      'http: { tls: { clientauth: require-any-client-cert } }',
      'http.tls.clientcas is missing: expected authorities, because http.tls.clientauth is require-any-client-cert',
    ],
    [
      'http: { tls: { ciphersuites: [RC4] } }',
      'http.tls.ciphersuites[0] is "RC4": expected one of',
    ],
    ['http: { secret: [canary] }', 'http.secret: expected one value, not a list or a section'],
    ['replicas: 0', 'replicas is "0": expected a whole number'],
    [
      'replicas: 2\nstorage: { inmemory: {} }',
      'replicas is "2": expected 1, because storage.inmemory is not shared',
    ],
    [
      'http: { secret: a, secrets: [b] }',
      'http.secret has a value that cannot be used: expected only one of http.secret, http.secrets, http.secretfile',
    ],
    [
      'validation: { manifests: { urls: { allow: ["("] } } }',
      'validation.manifests.urls.allow[0] is "(": expected a regular expression',
    ],
    ['policy: { repository: { classes: [image] } }', 'policy.repository.classes is refused'],
    [
      'proxy: { remoteurl: "https://registry-1.docker.io" }',
      'proxy is refused: pulling through from another registry is not supported yet',
    ],
    ['middleware: { repository: [{ name: redirect }] }', 'middleware.repository is refused'],
    ['middleware: { storage: [{ name: redirect }] }', 'middleware.storage[0].options.baseurl'],
    ['storage: { s3: { region: eu-west-1 } }', 'storage.s3.bucket is missing'],
    ['auth: { token: { realm: r } }', 'auth.token is refused'],
  ])('refuses %j', (yaml, expected) => {
    const lines = problems(file(yaml));
    expect(lines).toHaveLength(1);
    expect(lines[0]?.startsWith(expected)).toBe(true);
  });

  it.each([
    ['version: 0.2', 'version is "0.2": expected 0.1'],
    ['http: {}', 'version is missing: expected 0.1'],
    ['', 'version is missing: expected 0.1'],
    ['just words', `${path}: expected keys such as "version: 0.1"`],
    ['version: 0.1\nhttp: {\n', `${path}: line`],
    [
      'version: 0.1\n\thttp: 1',
      `${path}: line 2, column 1: a tab indents this line; YAML takes spaces only`,
    ],
    [
      'version: 0.1\nversion: 0.1',
      `${path}: line 2, column 1: this key stands twice in one section`,
    ],
    [
      'version: 0.1\n---\nversion: 0.1',
      `${path}: line 2, column 1: a second document begins; one is all there can be`,
    ],
    [
      'a: &a [x, x]\nb: &b [*a, *a]\nc: *nothing',
      `${path}: its aliases or its nesting cannot be followed`,
    ],
  ])('refuses %j as a whole', (yaml, expected) => {
    const lines = problems(yaml);
    expect(lines).toHaveLength(1);
    expect(lines[0]?.startsWith(expected)).toBe(true);
  });

  it('says all that is wrong at once', () => {
    const lines = problems(file('http: { adr: x, draintimeout: soon }', 'auth: { htpasswd: {} }'));
    expect(lines).toEqual([
      'http.adr is not a known key; did you mean http.addr?',
      expect.stringContaining('auth.htpasswd.realm is missing'),
      expect.stringContaining('auth.htpasswd.path is missing'),
      expect.stringContaining('http.draintimeout is "soon"'),
    ]);
  });
});
