import type { Log } from '#telemetry/log.js';

import type { ObjectStore } from './bucket/object-store.js';
import { FilesystemDriver } from './filesystem/filesystem-driver.js';
import { MemoryDriver } from './memory/memory-driver.js';
import type { SpoolConfig, StorageDriverConfig } from './storage-config.js';
import type { StorageDriver } from './storage-driver.js';

export interface ConnectOptions {
  /** Where the bytes of uploads to a bucket wait. */
  readonly spool: SpoolConfig;
  /** Nothing will be written: a folder is left as it is. */
  readonly readonly?: boolean;
  readonly log?: Log | undefined;
}

/**
 * What only one cloud needs is loaded when it is chosen: its SDK is larger than all the rest.
 * @throws {StorageUnavailable} if there is no storage where the configuration says
 */
export async function connectDriver(
  config: StorageDriverConfig,
  { spool, readonly = false, log }: ConnectOptions,
): Promise<StorageDriver> {
  switch (config.driver) {
    case 'filesystem':
      return FilesystemDriver.connect({ ...config, readonly });
    case 'inmemory':
      return new MemoryDriver();
    case 's3':
    case 'azure':
    case 'gcs':
    case 'swift': {
      const { BucketDriver } = await import('./bucket/bucket-driver.js');
      const driver = await BucketDriver.connect(await connectStore(config, log), {
        uploadMemory: spool.memory,
        spoolFolder: spool.folder,
      });
      const { name, abilities } = driver;
      const { path, isMemory } = driver.spool;
      log?.info({ driver: name, ...abilities, spool: path }, 'bucket connected');
      if (isMemory) {
        log?.warn(
          { spool: path },
          'the spool folder is in memory; set storage.spool.folder to one on a disk',
        );
      }
      return driver;
    }
  }
}

type BucketConfig = Exclude<StorageDriverConfig, { readonly driver: 'filesystem' | 'inmemory' }>;

async function connectStore(config: BucketConfig, log?: Log): Promise<ObjectStore> {
  switch (config.driver) {
    case 's3':
      return (await import('./s3/s3-store.js')).S3Store.connect(config, { log });
    case 'azure':
      return (await import('./azure/azure-store.js')).AzureStore.connect(config);
    case 'gcs':
      return (await import('./gcs/gcs-store.js')).GcsStore.connect(config);
    case 'swift':
      return new (await import('./swift/swift-store.js')).SwiftStore(config);
  }
}
