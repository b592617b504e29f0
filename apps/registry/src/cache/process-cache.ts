import type { ContentCache } from '#cache/content-cache.js';
import { MemoryCache } from '#cache/memory/memory-cache.js';
import { RedisCache } from '#cache/redis/redis-cache.js';
import { TwoLevels } from '#cache/two-levels.js';
import type { SigningSecrets } from '#content/uploads/signing-secrets.js';
import { RedisConnection } from '#redis/redis-connection.js';
import { RedisUnusable } from '#redis/redis-unusable.js';
import type { StorageDriver } from '#storage/storage-driver.js';
import type { Log } from '#telemetry/log.js';

import type { Config } from '../config.js';
import { redisCheck } from '../health/checks/redis-check.js';
import type { HealthCheck } from '../health/health-check.js';
import { Latencies } from '../metrics/latencies.js';
import type { Measured } from '../metrics/measured.js';
import { StartupError } from '../startup-error.js';
import { cacheMeasures, redisMeasures } from './measures.js';

interface Surroundings {
  readonly driver: Pick<StorageDriver, 'alterable'>;
  readonly secrets: Pick<SigningSecrets, 'first' | 'all'>;
  readonly log: Log;
}

/** What a process remembers of content in a bucket, and the Redis through which it shares that with others. */
export class ProcessCache {
  private constructor(
    /** Undefined where the storage answers as quickly itself. */
    readonly content: ContentCache | undefined,
    private readonly redis: RedisConnection | undefined,
    readonly measured: readonly Measured[],
    readonly checks: readonly HealthCheck[] = [],
  ) {}

  /** Connects in the background. @throws {StartupError} that names the key of what Redis cannot be reached with */
  static async open(config: Config, { driver, secrets, log }: Surroundings): Promise<ProcessCache> {
    const { cache } = config.storage;
    const remembers = !driver.alterable;
    if (cache.shared && !remembers) {
      const key = 'storage.cache.blobdescriptor';
      log.info({ key }, 'nothing is cached in Redis: files are read quicker than it answers');
    }
    const shares = cache.shared && remembers;
    const redis = await connection(config, { shares, log });
    const near = remembers ? new MemoryCache({ sizes: cache.blobdescriptorsize }) : undefined;
    const content =
      near && redis && shares
        ? new TwoLevels(near, new RedisCache(redis, () => [secrets.first, ...secrets.all]))
        : near;
    const measured = content === undefined ? [] : cacheMeasures(content);
    if (redis === undefined) return new ProcessCache(content, undefined, measured);
    const latencies = new Latencies();
    redis.observe((operation, seconds) => latencies.observe(operation, seconds));
    redis.start();
    const { health } = config;
    const checks = health.redis.enabled ? [redisCheck(redis, health.redis)] : [];
    const ofRedis = redisMeasures(redis, latencies);
    return new ProcessCache(content, redis, [...measured, ...ofRedis], checks);
  }

  notices(): Readonly<Record<string, string>> {
    const { up = true, reason = 'unknown' } = this.redis?.state ?? {};
    return up ? {} : { redis: `away, everything goes on without it: ${reason}` };
  }

  async close(): Promise<void> {
    await this.redis?.close();
  }
}

/** For what is shared, and for readiness that is to follow it, whatever it is used for. */
async function connection(
  { redis, health }: Config,
  { shares, log }: { readonly shares: boolean; readonly log: Log },
): Promise<RedisConnection | undefined> {
  if (redis === undefined || !(shares || health.redis.enabled)) return undefined;
  try {
    return await RedisConnection.create(redis, { roles: shares ? ['cache'] : [], log });
  } catch (error) {
    if (!(error instanceof RedisUnusable)) throw error;
    throw new StartupError(`redis.${error.key}`, error.reason, { cause: error });
  }
}
