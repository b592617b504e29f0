import { z } from 'zod';

import { choice, keyDocs, moot, ours, outdated, refused } from '#config/key-docs.js';
import { bool, duration, free, integer, oneOf, section, size, text } from '#config/values.js';

const notYet = 'this storage driver is not supported yet; choose filesystem or inmemory';
const later = (description: string) =>
  choice(refused(free().optional().describe(description), notYet));

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
  s3: later('Amazon S3 and compatible services.'),
  azure: later('Azure Blob Storage.'),
  gcs: later('Google Cloud Storage.'),
  swift: later('OpenStack Swift.'),
  oss: later('Aliyun OSS.'),
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

export type StorageDriverConfig =
  | ({ readonly driver: 'filesystem' } & z.infer<typeof filesystem>)
  | { readonly driver: 'inmemory' };

/** The one driver that the file or the variables chose; files in the default folder when they chose none. */
export function chosenDriver(keys: {
  readonly filesystem?: z.infer<typeof filesystem> | undefined;
  readonly inmemory?: z.infer<typeof inmemory> | undefined;
}): StorageDriverConfig {
  if (keys.inmemory !== undefined) return { driver: 'inmemory' };
  return { driver: 'filesystem', ...(keys.filesystem ?? filesystem.parse({})) };
}
