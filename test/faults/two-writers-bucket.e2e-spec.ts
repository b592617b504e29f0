import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';

import { expect, it } from '@jest/globals';

import { BucketDriver } from '#storage/bucket/bucket-driver.js';
import type { ObjectBody, ObjectStore, StoredObject } from '#storage/bucket/object-store.js';
import { s3Config } from '#storage/s3/s3-config.js';
import { S3Store } from '#storage/s3/s3-store.js';

import { describeWith } from '../components/components.js';
import { Minio } from '../support/servers/minio.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';
import { interleave, type InterleavingCounts } from './upload-interleaving.js';

const atOnce = 8;

/** Bugs of an adapter that a test must see. Each changes one store. */
const plants = {
  /** Two who write a part at one offset both succeed, and nobody looks which of them the token speaks of. */
  'no-conditions': (store: S3Store) => {
    const put = store.put.bind(store);
    const join = store.join.bind(store);
    const read = store.read.bind(store);
    store.put = (key: string, body: ObjectBody) => put(key, body);
    store.read = (key, range) => read(key, range);
    store.join = async (sources, key) => {
      const found = sources.map(({ key: source }): Promise<StoredObject> => store.head(source));
      await join(await Promise.all(found), key);
    };
  },
} satisfies Readonly<Record<string, (store: S3Store) => void>>;

describeWith(['minio'], 'A8 several requests on one upload session of a bucket', () => {
  const server = serverOfSuite((folder) => Minio.start(folder));

  async function run(bucket: string, count: number, plant?: keyof typeof plants) {
    await server().makeBucket(bucket);
    const { accessKey: accesskey, secretKey: secretkey } = server().credentials;
    const open = async () => {
      const config = { accesskey, secretkey, bucket, regionendpoint: server().endpoint };
      const store = await S3Store.connect(s3Config.parse(config));
      const driver = await BucketDriver.connect(store);
      if (plant !== undefined) plants[plant](store);
      return { store, driver };
    };
    const [one, other] = [await open(), await open()];
    const drivers = [one.driver, other.driver];
    const counts: InterleavingCounts = { commits: 0, refusals: 0 };
    let next = 1;
    const work = async () => {
      for (let seed = next++; seed <= count; seed = next++) await interleave(drivers, seed, counts);
    };
    try {
      await Promise.all(Array.from({ length: atOnce }, work));
      return { ...counts, ...(await inspect(one.store)) };
    } finally {
      for (const driver of drivers) await driver.close();
    }
  }

  it('never alter a committed blob, in 1,000 interleavings', async () => {
    const { corrupt, blobs, commits, refusals } = await run('sound', 1000);
    expect(corrupt).toEqual([]);
    expect(blobs).toBeGreaterThan(300);
    expect(refusals).toBeGreaterThan(300);
    process.stdout.write(
      `A8 on a bucket: 0 of ${blobs} blobs corrupt; ${commits} commits, ${refusals} refusals\n`,
    );
  }, 300_000);

  it('would be seen to do so in a store that keeps no conditions', async () => {
    expect((await run('planted', 200, 'no-conditions')).corrupt).not.toEqual([]);
  }, 120_000);
});

/** Every blob, and those whose bytes are not what their name says. */
async function inspect(store: ObjectStore): Promise<{ blobs: number; corrupt: string[] }> {
  const corrupt: string[] = [];
  let blobs = 0;
  for (let next: string | undefined; ;) {
    const page = await store.list('docker/registry/v2/blobs/', { next });
    for (const { key } of page.objects) {
      const bytes = await buffer((await store.read(key)).stream);
      const hex = createHash('sha256').update(bytes).digest('hex');
      if (!key.endsWith(`/${hex}/data`)) corrupt.push(key);
      blobs++;
    }
    if (page.next === undefined) return { blobs, corrupt };
    ({ next } = page);
  }
}
