import { beforeAll } from '@jest/globals';

import { s3Config } from '#storage/s3/s3-config.js';
import { S3Store } from '#storage/s3/s3-store.js';
import { traitsOfBuckets } from '#storage/testing/driver-traits.js';
import { describeStorageDriver } from '#storage/testing/storage-driver.suite.js';

import { describeWith } from '../components/components.js';
import { Minio } from '../support/servers/minio.js';
import type { S3Server } from '../support/servers/s3-server.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';
import { VersityGateway } from '../support/servers/versitygw.js';
import { BucketsOfSuite } from './buckets-of-suite.js';

describeWith(['minio'], 'BucketDriver on MinIO', () => {
  describeS3Driver((folder) => Minio.start(folder));
});

describeWith(['versitygw'], 'BucketDriver on versitygw', () => {
  describeS3Driver((folder) => VersityGateway.start(folder));
});

function describeS3Driver(start: (folder: string) => Promise<S3Server>): void {
  const server = serverOfSuite(start);
  beforeAll(async () => server().makeBucket('registry'));

  const buckets = new BucketsOfSuite((root) =>
    S3Store.connect(
      s3Config.parse({
        accesskey: server().credentials.accessKey,
        secretkey: server().credentials.secretKey,
        bucket: 'registry',
        regionendpoint: server().endpoint,
        rootdirectory: root,
      }),
    ),
  );
  describeStorageDriver(() => buckets.open(), traitsOfBuckets);
}
