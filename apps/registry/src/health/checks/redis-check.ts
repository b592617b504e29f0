import type { RedisConnection } from '#redis/redis-connection.js';

import { defaultTimeout, type HealthCheck } from '../health-check.js';

/** For who wants no requests where Redis is away, although they would be answered. */
export function redisCheck(
  redis: Pick<RedisConnection, 'check'>,
  { interval, threshold }: { readonly interval: number; readonly threshold: number },
): HealthCheck {
  return { name: 'redis', interval, threshold, timeout: defaultTimeout, run: () => redis.check() };
}
