import { describe } from '@jest/globals';

import { describeObjectStore } from '#storage/testing/object-store.suite.js';

import { describeWith } from '../components/components.js';
import { FaultProxy } from '../support/proxies/fault-proxy.js';
import { clockSkew, s3Error } from '../support/proxies/fault.js';
import { Minio } from '../support/servers/minio.js';
import type { S3Server } from '../support/servers/s3-server.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';
import { VersityGateway } from '../support/servers/versitygw.js';
import { addPassingFaults } from './passing-faults.js';
import { openStores, quickRetries, s3Settings } from './s3-suite.js';

const writes = { createsOnce: true, replacesVersion: true, removesVersion: false };
const seeds = (process.env['HOLDFAST_TEST_SEEDS'] ?? '1').split(',').map(Number);

/** What S3 alone does, documented or seen. */
function addS3Faults(proxy: FaultProxy): void {
  const written = ['CompleteMultipartUpload', 'CopyObject', 'UploadPartCopy'];
  for (const applied of [false, true]) {
    proxy.add({
      operation: written,
      chance: 0.1,
      fault: { kind: 'error-in-ok', whitespace: applied ? 2000 : 0, applied },
    });
  }
  proxy.add({
    operation: [...written, 'PutObject', 'UploadPart', 'GetObject', 'HeadObject'],
    chance: 0.03,
    fault: { kind: 'without-etag' },
  });
  proxy.add({
    operation: ['PutObject', 'UploadPart'],
    chance: 0.04,
    fault: { kind: 'flip', direction: 'request' },
  });
  proxy.add({ chance: 0.01, fault: clockSkew });
  proxy.add({
    operation: ['PutObject', 'CompleteMultipartUpload'],
    chance: 0.02,
    fault: s3Error(409, 'ConditionalRequestConflict'),
  });
  proxy.add({ chance: 0.02, fault: s3Error(400, 'RequestTimeout') });
}

function describeInTrouble(start: (folder: string) => Promise<S3Server>): void {
  const server = serverOfSuite(start);
  describe.each(seeds)('behind a fault proxy with seed %i', (seed) => {
    describeObjectStore(
      async () => {
        const bucket = `seed-${seed}`;
        await server().makeBucket(bucket);
        const proxy = await FaultProxy.start(server().endpoint, { seed });
        addPassingFaults(proxy);
        addS3Faults(proxy);
        const { close, ...stores } = await openStores(
          s3Settings(server(), { endpoint: proxy.url, bucket }),
          quickRetries,
        );
        return {
          ...stores,
          close: async () => {
            await close();
            await proxy.stop();
          },
        };
      },
      writes,
      { keysAsFolders: false },
    );
  });
}

describeWith(['minio'], 'S3Store on MinIO in trouble', () => {
  describeInTrouble((folder) => Minio.start(folder));
});

describeWith(['versitygw'], 'S3Store on versitygw in trouble', () => {
  describeInTrouble((folder) => VersityGateway.start(folder));
});
