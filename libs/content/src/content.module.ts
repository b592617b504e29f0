import { type DynamicModule, type FactoryProvider, Module } from '@nestjs/common';

import type { ContentCache } from '#cache/content-cache.js';
import { BlobAddresses } from '#storage/addresses/blob-addresses.js';
import { StorageDriver } from '#storage/storage-driver.js';
import { Log } from '#telemetry/log.js';

import { BlobStore } from './blobs/blob-store.js';
import { PurgeSchedule, type PurgeTimes } from './maintenance/purge-schedule.js';
import { PurgeTurn } from './maintenance/purge-turn.js';
import { UploadPurger } from './maintenance/upload-purger.js';
import { ManifestStore } from './manifests/manifest-store.js';
import { References, type ValidationRules } from './manifests/references.js';
import { Referrers } from './referrers.js';
import { Repositories } from './repositories/repositories.js';
import { Tags } from './tags.js';
import type { SigningSecrets } from './uploads/signing-secrets.js';
import { UploadSessions } from './uploads/upload-sessions.js';

export interface ContentOptions {
  readonly validation: ValidationRules;
  /** What signs upload state. */
  readonly secrets: SigningSecrets;
  /** Whether it is known that several replicas share the storage. */
  readonly amongOthers: boolean;
  /** What is known without asking the storage; nothing where undefined. */
  readonly cache?: ContentCache | undefined;
  /** When to remove uploads that nobody finished; never where undefined. */
  readonly purging?: PurgeTimes | undefined;
}

/** What a registry is, without HTTP. Needs a `StorageDriver`, its `BlobAddresses` and a `Log` from elsewhere. */
@Module({})
export class ContentModule {
  static register({
    validation,
    secrets,
    amongOthers,
    cache,
    purging,
  }: ContentOptions): DynamicModule {
    const provided = [BlobStore, Tags, Referrers, Repositories, ManifestStore, UploadSessions];
    return {
      module: ContentModule,
      providers: [
        {
          provide: BlobStore,
          useFactory: (driver: StorageDriver, addresses: BlobAddresses, log: Log) =>
            new BlobStore(driver, addresses, cache, log),
          inject: [StorageDriver, BlobAddresses, Log],
        },
        {
          provide: Tags,
          useFactory: (driver: StorageDriver) => new Tags(driver),
          inject: [StorageDriver],
        },
        {
          provide: Referrers,
          useFactory: (driver: StorageDriver) => new Referrers(driver),
          inject: [StorageDriver],
        },
        {
          provide: Repositories,
          useFactory: (driver: StorageDriver) => new Repositories(driver),
          inject: [StorageDriver],
        },
        {
          provide: References,
          useFactory: (driver: StorageDriver, blobs: BlobStore) =>
            new References(driver, blobs, validation),
          inject: [StorageDriver, BlobStore],
        },
        {
          provide: ManifestStore,
          useFactory: (
            driver: StorageDriver,
            blobs: BlobStore,
            tags: Tags,
            referrers: Referrers,
            references: References,
          ) => new ManifestStore(driver, blobs, tags, referrers, references, cache),
          inject: [StorageDriver, BlobStore, Tags, Referrers, References],
        },
        {
          provide: UploadSessions,
          useFactory: (driver: StorageDriver, blobs: BlobStore) =>
            new UploadSessions(driver, blobs, secrets, { amongOthers }),
          inject: [StorageDriver, BlobStore],
        },
        {
          provide: UploadPurger,
          useFactory: (driver: StorageDriver) => new UploadPurger(driver),
          inject: [StorageDriver],
        },
        ...(purging === undefined ? [] : [purgeSchedule(purging)]),
      ],
      exports: [...provided, UploadPurger],
    };
  }
}

function purgeSchedule(times: PurgeTimes): FactoryProvider<PurgeSchedule> {
  return {
    provide: PurgeSchedule,
    useFactory: (driver: StorageDriver, purger: UploadPurger, log: Log) =>
      new PurgeSchedule(purger, new PurgeTurn(driver, Date.now), times, log),
    inject: [StorageDriver, UploadPurger, Log],
  };
}
