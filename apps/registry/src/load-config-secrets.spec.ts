import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { ConfigError } from '#config/config-error.js';
import type { Environment } from '#config/environment.js';
import { keyTree } from '#config/key-tree.js';
import { printConfig } from '#config/print-config.js';
import { variableNames } from '#config/variable-names.js';

import { configSchema } from './config.js';
import { WrittenConfig } from './testing/written-config.js';

const written = new WrittenConfig();
afterAll(() => written.remove());

const canary = 'hunter2+/c4n4ry==';

/** All that a person gets to see of a configuration, good or bad. Anything but a `ConfigError` is a crash. */
function shown(yaml: string | Uint8Array, env: Environment = {}): string {
  try {
    const loaded = written.load(yaml, env);
    return [...loaded.warnings, printConfig(loaded), JSON.stringify(loaded.config)].join('\n');
  } catch (error) {
    if (error instanceof ConfigError) return error.lines.join('\n');
    throw error;
  }
}

const secrets: readonly string[] = [
  `version: 0.1\nhttp:\n  secret: ${canary}\n`,
  `version: 0.1\nhttp:\n  secrets:\n    - ${canary}\n    - "${canary}"\n`,
  `version: 0.1\nredis:\n  addrs: [redis:6379]\n  password: ${canary}\n  sentinelpassword: ${canary}\n`,
  `version: 0.1\nproxy:\n  remoteurl: https://user:${encodeURIComponent(canary)}@example.com\n  password: ${canary}\n`,
  `version: 0.1\nnotifications:\n  endpoints:\n    - name: a\n      url: http://a\n      headers:\n        Authorization: [Bearer ${canary}]\n`,
  `version: 0.1\nreporting:\n  bugsnag:\n    apikey: ${canary}\n  newrelic:\n    licensekey: ${canary}\n`,
  `version: 0.1\nlog:\n  hooks:\n    - type: mail\n      options:\n        smtp:\n          password: ${canary}\n`,
  `version: 0.1\nhealth:\n  http:\n    - uri: http://a\n      headers:\n        Authorization: Basic ${canary}\n`,
  `version: 0.1\nstorage:\n  s3:\n    accesskey: ${canary}\n    secretkey: ${canary}\n`,
];

const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  cut: fc.nat({ max: 3 }),
  put: fc.constantFrom(
    '',
    ' ',
    '  ',
    '\t',
    '\n',
    '[',
    ']',
    '{',
    '}',
    '"',
    "'",
    '&a ',
    '*a',
    '|',
    '!',
    '%',
    ',',
    '\0',
    '- ',
  ),
});

function edited(text: string, edits: readonly { at: number; cut: number; put: string }[]): string {
  return edits.reduce((current, { at, cut, put }) => {
    const index = Math.floor(at * current.length);
    return current.slice(0, index) + put + current.slice(index + cut);
  }, text);
}

describe('H5: bad configuration', () => {
  it.each(secrets)('shows no secret of %j', (yaml) => {
    expect(shown(yaml)).not.toContain('hunter2');
  });

  it('shows no secret of a file with mistakes in it', () => {
    fc.assert(
      fc.property(fc.constantFrom(...secrets), fc.array(edit, { maxLength: 4 }), (yaml, edits) => {
        expect(shown(edited(yaml, edits))).not.toContain(canary);
      }),
      { numRuns: 200 },
    );
  });

  it('is refused, never a crash, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 500 }), fc.string({ unit: 'binary', maxLength: 500 })),
        (bytes) => {
          expect(typeof shown(bytes)).toBe('string');
        },
      ),
      { numRuns: 100 },
    );
  });

  it('is refused, never a crash, whatever the structure', () => {
    const names = fc.oneof(
      fc.constantFrom(
        'http',
        'tls',
        'auth',
        'htpasswd',
        'storage',
        'filesystem',
        'headers',
        'health',
        'log',
        'fields',
        '__proto__',
        'constructor',
        'toString',
      ),
      fc.string(),
    );
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 5 },
        fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(names, tie('tree'), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(names, tree), (document) => {
        expect(typeof shown(JSON.stringify({ version: '0.1', ...document }))).toBe('string');
      }),
      { numRuns: 100 },
    );
  });

  it('shows no secret of variables, and none of them is a crash', () => {
    const known = [...variableNames(keyTree(configSchema))];
    const suffix = fc.constantFrom(
      '',
      '_0',
      '_0_NAME',
      '_X',
      '_',
      '__',
      '_HEADERS_AUTHORIZATION_0',
      '_99999',
      '_password',
    );
    const name = fc.tuple(fc.constantFrom(...known), suffix).map((parts) => parts.join(''));
    const value = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 100 }),
      fc.constantFrom(
        'true',
        '10s',
        '[a, b]',
        '{a: b}',
        '- a: b',
        '',
        'none',
        '{',
        '"',
        ': :',
        '&a [*a]',
      ),
    );
    const secretNames = [
      'REGISTRY_HTTP_SECRET',
      'REGISTRY_HTTP_SECRETS',
      'REGISTRY_HTTP_SECRETS_0',
      'REGISTRY_REDIS_PASSWORD',
      'REGISTRY_PROXY_PASSWORD',
      'REGISTRY_NOTIFICATIONS_ENDPOINTS_0_HEADERS_AUTHORIZATION_0',
      'REGISTRY_STORAGE_S3_SECRETKEY',
      'REGISTRY_REDIS',
      'REGISTRY_HTTP',
      'REGISTRY_AUTH',
    ];
    const secretValue = fc.constantFrom(
      canary,
      `"${canary}"`,
      `[${canary}]`,
      `{ password: ${canary} `,
      `{secret: [${canary}]}`,
    );
    fc.assert(
      fc.property(
        fc.dictionary(name, value, { maxKeys: 4 }),
        fc.constantFrom(...secretNames),
        secretValue,
        (env, secretName, secret) => {
          expect(shown('version: 0.1', { ...env, [secretName]: secret })).not.toContain(canary);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('printConfig', () => {
  it('prints a file that gives the same configuration again', () => {
    const yaml = [
      'version: 0.1',
      'log: { level: debug, fields: { service: "a b" } }',
      'http: { headers: { X-A: [b, "c: d"] }, draintimeout: 1h30m }',
      'health: { tcp: [{ addr: "a:1" }, { addr: "b:2", interval: 1s }] }',
      'validation: { manifests: { urls: { allow: ["^https://a\\\\.b/"] } } }',
    ].join('\n');
    const loaded = written.load(yaml);
    expect(written.load(printConfig(loaded)).config).toEqual(loaded.config);
  });
});
