import type { CacheCounts, ContentCache } from '#cache/content-cache.js';
import type { RedisConnection } from '#redis/redis-connection.js';

import type { Latencies } from '../metrics/latencies.js';
import type { Measured } from '../metrics/measured.js';

/** Under Distribution's names. */
export function cacheMeasures(cache: ContentCache): readonly Measured[] {
  const counter = (count: keyof CacheCounts, help: string): Measured => ({
    kind: 'counter',
    name: `registry_storage_cache_${count}_total`,
    help,
    values: () => [{ value: cache.counts[count] }],
  });
  return [
    counter('requests', 'Questions to the cache of sizes and manifests.'),
    counter('hits', 'Those that it answered.'),
    counter('errors', 'Values in Redis that were not what they should be, and were ignored.'),
  ];
}

export function redisMeasures(redis: RedisConnection, latencies: Latencies): readonly Measured[] {
  const role = redis.state.roles.join('+') || 'none';
  return [
    {
      kind: 'histogram',
      name: 'registry_storage_cache_redis_seconds',
      help: 'Time that calls to Redis took, answered or not.',
      labelNames: ['operation'],
      values: () => latencies.values('operation'),
    },
    {
      kind: 'gauge',
      name: 'holdfast_redis_up',
      help: 'Processes that are connected to Redis.',
      labelNames: ['role'],
      values: () => [{ labels: { role }, value: redis.state.up ? 1 : 0 }],
    },
    {
      kind: 'counter',
      name: 'holdfast_redis_calls_total',
      help: 'Calls to Redis by what became of them. Those that are skipped were not sent, because it is away.',
      labelNames: ['role', 'outcome'],
      values: () => {
        const { answered, timeouts, errors, skipped } = redis.state;
        const outcomes = { answered, timeout: timeouts, error: errors, skipped };
        return Object.entries(outcomes).map(([outcome, value]) => ({
          labels: { role, outcome },
          value,
        }));
      },
    },
    {
      kind: 'counter',
      name: 'holdfast_redis_losses_total',
      help: 'How often Redis was there and then was left alone.',
      labelNames: ['role'],
      values: () => [{ labels: { role }, value: redis.state.opened }],
    },
  ];
}
