import { z } from 'zod';

import { choice, keyDocs, moot, ours, outdated, refused } from '#config/key-docs.js';
import { bool, duration, free, integer, oneOf, section, size, text } from '#config/values.js';

import { type AzureConfig, azureConfig } from './azure/azure-config.js';
import { type GcsConfig, gcsConfig } from './gcs/gcs-config.js';
import { type S3Config, s3Config } from './s3/s3-config.js';
import { type SwiftConfig, swiftConfig } from './swift/swift-config.js';

const filesystem = z.strictObject({
  rootdirectory: text()
    .default('/var/lib/registry')
    .describe('Folder of the data. Without any configuration file: `./data`.'),
  maxthreads: integer({ min: 25 })
    .default(100)
    .describe(
      'Most file operations that one process has under way at once. `UV_THREADPOOL_SIZE` in the environment overrules it.',
    ),
});

const inmemory = z.strictObject({});

const blobdescriptor = (description: string) =>
  oneOf('inmemory', 'redis').optional().describe(description);

/** What is below `storage` and belongs to drivers; the rest belongs to the content. */
export const storageKeys = {
  filesystem: choice(filesystem.optional().describe('Keeps the data in a folder.')),
  inmemory: choice(
    inmemory.optional().describe('Keeps the data in memory, until the process ends. One worker.'),
  ),
  s3: choice(s3Config.optional().describe('Keeps the data in Amazon S3, or a compatible service.')),
  azure: choice(azureConfig.optional().describe('Keeps the data in Azure Blob Storage.')),
  gcs: choice(gcsConfig.optional().describe('Keeps the data in Google Cloud Storage.')),
  swift: choice(swiftConfig.optional().describe('Keeps the data in OpenStack Swift.')),
  oss: choice(
    refused(
      free().optional().describe('Aliyun OSS, as Distribution 2 had it.'),
      'OSS speaks S3: choose s3, with `regionendpoint` and `forcepathstyle: false`',
    ),
  ),
  tag: section({
    concurrencylimit: moot(
      integer({ min: 1 }).default(8).describe('Tags that one request reads at the same time.'),
      'the registry chooses how many',
    ),
  }),
  redirect: section({
    disable: bool()
      .default(false)
      .describe('Sends blobs itself where the storage has addresses of its own; files never have.'),
    minsize: ours(
      size({ min: 0 })
        .prefault('0')
        .describe('Smaller blobs are sent by the registry itself, where their size is known.'),
    ),
    expiry: ours(
      duration({ min: 1000 })
        .prefault('20m')
        .describe('How long an address of the storage is good for.'),
    ),
  }),
  spool: section({
    memory: ours(
      size({ min: 1024 * 1024 })
        .prefault('32MB')
        .describe(
          'Bytes that all uploads of a process to a bucket hold in memory until it has acknowledged them.',
        ),
    ),
    folder: ours(
      text()
        .optional()
        .describe(
          'Folder for what exceeds it. Where it is not set: the one for temporary files if it is on a disk, else `/var/tmp`.',
        ),
    ),
  }),
  cache: section({
    blobdescriptor: blobdescriptor(
      'Where sizes of blobs and small manifests are remembered: by each process alone, or in `redis` too, for all of them.',
    ),
    layerinfo: outdated(
      blobdescriptor('Older name of `blobdescriptor`.'),
      'write storage.cache.blobdescriptor',
    ),
    blobdescriptorsize: integer({ min: 0 })
      .default(10_000)
      .describe('Sizes that a process remembers at most; 0 for a million.'),
  }),
};

export const driverNames: readonly string[] = Object.entries(storageKeys)
  .filter(([, schema]) => keyDocs.get(schema)?.choice)
  .map(([name]) => name);

interface DriverKeys {
  readonly filesystem?: z.infer<typeof filesystem> | undefined;
  readonly inmemory?: z.infer<typeof inmemory> | undefined;
  readonly s3?: S3Config | undefined;
  readonly azure?: AzureConfig | undefined;
  readonly gcs?: GcsConfig | undefined;
  readonly swift?: SwiftConfig | undefined;
}

export type StorageDriverConfig =
  | ({ readonly driver: 'filesystem' } & z.infer<typeof filesystem>)
  | { readonly driver: 'inmemory' }
  | ({ readonly driver: 's3' } & S3Config)
  | ({ readonly driver: 'azure' } & AzureConfig)
  | ({ readonly driver: 'gcs' } & GcsConfig)
  | ({ readonly driver: 'swift' } & SwiftConfig);

/** `storage.spool` */
export interface SpoolConfig {
  /** Bytes. */
  readonly memory: number;
  readonly folder?: string | undefined;
}

/** The one driver that the file or the variables chose; files in the default folder when they chose none. */
export function chosenDriver(keys: DriverKeys): StorageDriverConfig {
  const { inmemory: memory, s3, azure, gcs, swift } = keys;
  if (memory !== undefined) return { driver: 'inmemory' };
  if (s3 !== undefined) return { driver: 's3', ...s3 };
  if (azure !== undefined) return { driver: 'azure', ...azure };
  if (gcs !== undefined) return { driver: 'gcs', ...gcs };
  if (swift !== undefined) return { driver: 'swift', ...swift };
  return { driver: 'filesystem', ...(keys.filesystem ?? filesystem.parse({})) };
}
