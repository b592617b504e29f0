import { afterAll, describe, expect, it } from '@jest/globals';

import { ConfigError } from '#config/config-error.js';

import { file, WrittenConfig } from './testing/written-config.js';

const written = new WrittenConfig();
afterAll(() => written.remove());

const load = (...sections: readonly string[]) => written.load(file(...sections));
const problems = (...sections: readonly string[]): readonly string[] => {
  try {
    load(...sections);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.lines;
    throw error;
  }
};
const shared = 'storage: { cache: { blobdescriptor: redis } }';

describe('redis in the configuration', () => {
  it('is shared by all where the cache is to be in it', () => {
    const { config, warnings } = load(shared, 'redis: { addrs: ["redis:6379"] }');
    expect(warnings).toEqual([]);
    expect(config.storage.cache.shared).toBe(true);
    expect(config.redis?.servers).toEqual({
      kind: 'single',
      address: { host: 'redis', port: 6379 },
    });
  });

  it('is not asked where the cache is each process’s own, as in Distribution', () => {
    expect(load('redis: { addrs: ["redis:6379"] }').config.storage.cache.shared).toBe(false);
  });

  it.each([[shared], [shared, 'redis: { db: 1 }']])(
    'is missed where the cache is to be in it: %j',
    (...sections) => {
      expect(problems(...sections)).toEqual([
        'storage.cache.blobdescriptor is "redis": expected inmemory, or servers at redis.addrs',
      ]);
    },
  );

  it('is missed where the health depends on it', () => {
    expect(problems('health: { redis: { enabled: true } }')).toEqual([
      'health.redis.enabled is "true": expected false, or servers at redis.addrs',
    ]);
  });

  it('names the key of what cannot work, and no password', () => {
    expect(problems('redis: { addrs: ["redis://me:hunter2@redis:6379"] }')).toEqual([
      'redis.addrs[0] is "******@redis:6379": expected host:port such as redis:6379, without a scheme and without a password',
    ]);
    expect(problems('redis: { addrs: ["me:hunter2@redis:6379"] }')[0]).not.toContain('hunter2');
  });
});
