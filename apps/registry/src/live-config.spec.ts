import { describe, expect, it } from '@jest/globals';

import { type KeyNode, keyTree } from '#config/key-tree.js';

import { configSchema } from './config.js';
import { withLive } from './live-config.js';

const parse = (keys: object) => configSchema.parse({ version: '0.1', ...keys });

function liveKeys(node: KeyNode, path = ''): readonly string[] {
  const own = node.doc.live === true ? [path] : [];
  if (node.shape !== 'section') return own;
  const inner = [...node.keys].map(([name, key]) => liveKeys(key, path ? `${path}.${name}` : name));
  return [...own, ...inner.flat()];
}

describe('withLive', () => {
  it('takes the keys that the documentation says change on SIGHUP', () => {
    expect(liveKeys(keyTree(configSchema))).toEqual([
      'log.level',
      'http.secret',
      'http.secrets',
      'http.secretfile',
    ]);
    const now = withLive(
      parse({ http: { secret: 'old' } }),
      parse({ log: { level: 'debug' }, http: { secrets: ['new', 'newer'] } }),
    );
    expect(now.log.level).toBe('debug');
    expect(now.http.secret).toBeUndefined();
    expect(now.http.secrets.map((one) => one.reveal())).toEqual(['new', 'newer']);
  });

  it('takes the file in place of the secret', () => {
    const now = withLive(
      parse({ http: { secret: 'old' } }),
      parse({ http: { secretfile: '/secrets' } }),
    );
    expect([now.http.secret, now.http.secretfile]).toEqual([undefined, '/secrets']);
  });

  it('takes no other', () => {
    const started = parse({
      http: { addr: ':1' },
      storage: { filesystem: { rootdirectory: '/a' } },
    });
    const now = parse({
      http: { addr: ':2', secret: 'new' },
      storage: { filesystem: { rootdirectory: '/b' }, delete: { enabled: true } },
      auth: { silly: { realm: 'r', service: 's' } },
    });
    const { secret } = now.http;
    expect(withLive(started, now)).toEqual({ ...started, http: { ...started.http, secret } });
  });
});
