import { z } from 'zod';

import { authConfig } from '#auth/auth-config.js';
import { documented, ours } from '#config/key-docs.js';
import { integer } from '#config/values.js';
import {
  catalogConfig,
  contentStorageKeys,
  policyConfig,
  tagsConfig,
  validationConfig,
} from '#content/content-config.js';
import { queueConfig, redisConfig } from '#redis/redis-config.js';
import { chosenDriver, storageKeys } from '#storage/storage-config.js';
import { logConfig } from '#telemetry/log-config.js';

import { healthConfig } from './health/health-config.js';
import { httpConfig } from './http/http-config.js';
import { sharingRefusal } from './http/shared-secret.js';
import {
  compatibilityConfig,
  middlewareConfig,
  notificationsConfig,
  oldLoglevel,
  proxyConfig,
  reportingConfig,
} from './unsupported-config.js';

const storageConfig = z
  .strictObject({ ...storageKeys, ...contentStorageKeys })
  .prefault({})
  .transform(({ tag, redirect, spool, cache, delete: deletion, maintenance, ...drivers }) => ({
    driver: chosenDriver(drivers),
    tag,
    redirect,
    spool,
    cache: {
      shared: (cache.blobdescriptor ?? cache.layerinfo) === 'redis',
      blobdescriptorsize: cache.blobdescriptorsize,
    },
    delete: deletion,
    maintenance,
  }))
  .describe('Where the content is kept, and what may happen to it. Exactly one driver.');

/** Distribution's file, version 0.1. */
export const configSchema = z
  .strictObject({
    version: documented(
      z.literal('0.1', 'expected 0.1').describe('Version of the format. Every file has it.'),
      { kind: 'text' },
    ),
    replicas: ours(
      integer({ min: 1 })
        .default(1)
        .describe(
          'How many replicas share the storage. Several on a bucket need a secret of their own in `http`.',
        ),
    ),
    log: logConfig,
    loglevel: oldLoglevel,
    storage: storageConfig,
    auth: authConfig,
    http: httpConfig,
    health: healthConfig,
    validation: validationConfig,
    catalog: catalogConfig,
    tags: tagsConfig,
    policy: policyConfig,
    notifications: notificationsConfig,
    redis: redisConfig,
    queue: queueConfig,
    proxy: proxyConfig,
    middleware: middlewareConfig,
    reporting: reportingConfig,
    compatibility: compatibilityConfig,
  })
  .superRefine((config, context) => {
    const refusal = sharingRefusal(config);
    if (refusal) context.addIssue({ code: 'custom', ...refusal, path: [...refusal.path] });
  })
  .superRefine(({ storage, health, redis }, context) => {
    if (redis !== undefined) return;
    const missed = (path: string[], instead: string) =>
      context.addIssue({
        code: 'custom',
        path,
        message: `expected ${instead}, or servers at redis.addrs`,
      });
    if (storage.cache.shared) missed(['storage', 'cache', 'blobdescriptor'], 'inmemory');
    if (health.redis.enabled) missed(['health', 'redis', 'enabled'], 'false');
  });

export type Config = z.infer<typeof configSchema>;
