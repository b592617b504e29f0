import type { ContentCache } from '#cache/content-cache.js';
import { MemoryCache } from '#cache/memory/memory-cache.js';
import { RedisCache } from '#cache/redis/redis-cache.js';
import { TwoLevels } from '#cache/two-levels.js';
import type { SigningSecrets } from '#content/uploads/signing-secrets.js';
import type { RedisConfig } from '#redis/redis-config.js';
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
    if (driver.alterable) {
      if (cache.shared) {
        const key = 'storage.cache.blobdescriptor';
        log.info({ key }, 'Redis is not used: files are read quicker than it answers');
      }
      return new ProcessCache(undefined, undefined, []);
    }
    const near = new MemoryCache({ sizes: cache.blobdescriptorsize });
    if (!cache.shared || config.redis === undefined) {
      return new ProcessCache(near, undefined, cacheMeasures(near));
    }
    const redis = await connection(config.redis, log);
    const far = new RedisCache(redis, () => [secrets.first, ...secrets.all]);
    const content = new TwoLevels(near, far);
    const latencies = new Latencies();
    redis.observe((operation, seconds) => latencies.observe(operation, seconds));
    redis.start();
    const measured = [...cacheMeasures(content), ...redisMeasures(redis, latencies)];
    const { health } = config;
    const checks = health.redis.enabled ? [redisCheck(redis, health.redis)] : [];
    return new ProcessCache(content, redis, measured, checks);
  }

  notices(): Readonly<Record<string, string>> {
    const { up = true, reason = 'unknown' } = this.redis?.state ?? {};
    return up ? {} : { redis: `away, everything goes on without it: ${reason}` };
  }

  async close(): Promise<void> {
    await this.redis?.close();
  }
}

async function connection(config: RedisConfig, log: Log): Promise<RedisConnection> {
  try {
    return await RedisConnection.create(config, { roles: ['cache'], log });
  } catch (error) {
    if (!(error instanceof RedisUnusable)) throw error;
    throw new StartupError(`redis.${error.key}`, error.reason, { cause: error });
  }
}
