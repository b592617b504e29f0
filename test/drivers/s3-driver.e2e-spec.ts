import { afterAll, beforeAll, describe } from '@jest/globals';

import { type S3Config, s3Config } from '#storage/s3/s3-config.js';
import { S3Store } from '#storage/s3/s3-store.js';
import { traitsOfBuckets } from '#storage/testing/driver-traits.js';
import { describeStorageDriver } from '#storage/testing/storage-driver.suite.js';

import { describeWith } from '../components/components.js';
import { FaultProxy } from '../support/proxies/fault-proxy.js';
import { Minio } from '../support/servers/minio.js';
import type { S3Server } from '../support/servers/s3-server.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';
import { VersityGateway } from '../support/servers/versitygw.js';
import { BucketsOfSuite, patience } from './buckets-of-suite.js';
import { addPassingFaults, seeds } from './passing-faults.js';

describeWith(['minio'], 'BucketDriver on MinIO', () => {
  const server = describeS3Driver((folder) => Minio.start(folder));

  describe.each(seeds)('behind a fault proxy with seed %i', (seed) => {
    let proxy: FaultProxy;
    beforeAll(async () => {
      proxy = await FaultProxy.start(server().endpoint, { seed });
      addPassingFaults(proxy);
    });
    afterAll(() => proxy.stop());
    const troubled = new BucketsOfSuite((root) =>
      S3Store.connect(configOf(server(), `seed-${seed}/${root}`, proxy.url), { retries: patience }),
    );
    describeStorageDriver(() => troubled.open(), { ...traitsOfBuckets, repeats: true });
  });
});

describeWith(['versitygw'], 'BucketDriver on versitygw', () => {
  describeS3Driver((folder) => VersityGateway.start(folder));
});

function describeS3Driver(start: (folder: string) => Promise<S3Server>): () => S3Server {
  const server = serverOfSuite(start);
  beforeAll(async () => server().makeBucket('registry'));

  const buckets = new BucketsOfSuite((root) => S3Store.connect(configOf(server(), root)));
  describeStorageDriver(() => buckets.open(), traitsOfBuckets);
  return server;
}

function configOf({ credentials, endpoint }: S3Server, root: string, through = endpoint): S3Config {
  return s3Config.parse({
    accesskey: credentials.accessKey,
    secretkey: credentials.secretKey,
    bucket: 'registry',
    regionendpoint: through,
    rootdirectory: root,
  });
}
