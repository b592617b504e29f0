import { describe, expect, it } from '@jest/globals';

import { parseMemoryPolicy, policyProblem } from './memory-policy.js';

describe('parseMemoryPolicy', () => {
  it('reads the answer to INFO memory', () => {
    const info =
      '# Memory\r\nused_memory:1\r\nmaxmemory:67108864\r\nmaxmemory_policy:allkeys-lru\r\n';
    expect(parseMemoryPolicy(info)).toEqual({ limit: 67_108_864, policy: 'allkeys-lru' });
  });

  it.each(['', 'maxmemory:1\r\n', 'maxmemory:x\r\nmaxmemory_policy:noeviction\r\n'])(
    'reads nothing from %j',
    (info) => {
      expect(parseMemoryPolicy(info)).toBeUndefined();
    },
  );
});

describe('policyProblem', () => {
  it.each([
    [['cache'], 0, 'noeviction', undefined],
    [['cache'], 1, 'noeviction', 'nothing more is cached'],
    [['cache'], 1, 'allkeys-lru', undefined],
    [[], 1, 'noeviction', undefined],
    [['queue'], 1, 'noeviction', undefined],
    [['queue'], 0, 'allkeys-lru', 'may drop jobs'],
    [['queue'], 1, 'volatile-lru', 'may drop jobs'],
    [['cache', 'queue'], 1, 'volatile-lru', undefined],
    [['cache', 'queue'], 1, 'noeviction', undefined],
    [['cache', 'queue'], 1, 'allkeys-lfu', 'may drop jobs'],
  ] as const)('for %j, a limit of %i and %s', (roles, limit, policy, problem) => {
    const found = policyProblem(roles, { limit, policy });
    expect(found?.includes(problem ?? '')).toBe(problem && true);
  });
});
