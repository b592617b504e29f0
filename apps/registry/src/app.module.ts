import { type DynamicModule, Global, Module } from '@nestjs/common';

import { AuthModule } from '#auth/auth.module.js';
import type { ContentCache } from '#cache/content-cache.js';
import { ContentModule } from '#content/content.module.js';
import type { SigningSecrets } from '#content/uploads/signing-secrets.js';
import { BlobAddresses } from '#storage/addresses/blob-addresses.js';
import { UnusableSigningKey } from '#storage/addresses/cloud-front-source.js';
import { StorageDriver } from '#storage/storage-driver.js';
import { Log } from '#telemetry/log.js';

import { BaseController } from './api/base.controller.js';
import { BlobsController } from './api/blobs.controller.js';
import { CatalogController } from './api/catalog.controller.js';
import { ManifestsController } from './api/manifests.controller.js';
import { MethodPolicy } from './api/method-policy.guard.js';
import { PageLimits } from './api/page-limits.js';
import { ReferrersController } from './api/referrers.controller.js';
import { TagsController } from './api/tags.controller.js';
import { UploadsController } from './api/uploads.controller.js';
import type { Config } from './config.js';
import { HealthModule } from './health/health.module.js';
import type { ProcessFacts } from './health/process-facts.js';
import { Drain } from './http/drain.js';
import { PublicUrl } from './http/public-url.js';
import { StartupError } from './startup-error.js';

export interface AppParts {
  readonly config: Config;
  readonly log: Log;
  readonly driver: StorageDriver;
  /** What signs upload state. */
  readonly secrets: SigningSecrets;
  /** Whether this process is about to go; one of its own where whoever makes the application never drains it. */
  readonly drain?: Drain | undefined;
  /** What is known of content without asking the storage. */
  readonly cache?: ContentCache | undefined;
  readonly facts?: ProcessFacts | undefined;
}

/** What every module may ask for without importing it. */
@Global()
@Module({})
class PlatformModule {
  static register(parts: AppParts): DynamicModule {
    const { driver, log, drain = new Drain() } = parts;
    return {
      module: PlatformModule,
      providers: [
        { provide: StorageDriver, useValue: driver },
        { provide: Log, useValue: log },
        { provide: Drain, useValue: drain },
        {
          provide: BlobAddresses,
          useFactory: () => addressesOf(parts),
        },
      ],
      exports: [StorageDriver, Log, Drain, BlobAddresses],
    };
  }
}

@Module({})
export class AppModule {
  static register(parts: AppParts): DynamicModule {
    const { config, log, secrets } = parts;
    return {
      module: AppModule,
      imports: [
        PlatformModule.register(parts),
        AuthModule.register(config.auth),
        ContentModule.register({
          validation: validationRules(config),
          secrets,
          amongOthers: config.replicas > 1,
          cache: parts.cache,
          purging: purgeTimes(config),
        }),
        HealthModule.register(config.health, parts.facts),
      ],
      controllers: [
        BaseController,
        CatalogController,
        UploadsController,
        BlobsController,
        ManifestsController,
        TagsController,
        ReferrersController,
      ],
      providers: [
        { provide: PublicUrl, useFactory: () => new PublicUrl(config.http, log) },
        {
          provide: MethodPolicy,
          useValue: new MethodPolicy(
            config.storage.maintenance.readonly.enabled,
            config.storage.delete.enabled,
          ),
        },
        {
          provide: PageLimits,
          useValue: new PageLimits(config.tags.maxtags, config.catalog.maxentries),
        },
      ],
    };
  }
}

/** @throws {StartupError} */
async function addressesOf({ config, driver, log }: AppParts): Promise<BlobAddresses> {
  try {
    const { middleware, storage } = config;
    return await BlobAddresses.open(driver, storage.redirect, middleware.storage, log);
  } catch (error) {
    if (!(error instanceof UnusableSigningKey)) throw error;
    throw new StartupError('middleware.storage', error.message, { cause: error });
  }
}

function validationRules({ validation }: Config) {
  const { urls, indexes } = validation.manifests;
  return {
    disabled: validation.disabled,
    urls,
    platforms: indexes.platforms === 'list' ? indexes.platformlist : indexes.platforms,
  };
}

/** A registry that refuses every change makes none of its own either. */
function purgeTimes({ storage }: Config) {
  const { uploadpurging, readonly } = storage.maintenance;
  return uploadpurging.enabled && !readonly.enabled ? uploadpurging : undefined;
}
