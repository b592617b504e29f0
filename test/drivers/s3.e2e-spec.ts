import { describeObjectStore } from '#storage/testing/object-store.suite.js';

import { describeWith } from '../components/components.js';
import { Minio } from '../support/servers/minio.js';
import type { S3Server } from '../support/servers/s3-server.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';
import { Swift } from '../support/servers/swift.js';
import { VersityGateway } from '../support/servers/versitygw.js';
import { openStores, s3Settings } from './s3-suite.js';
import { swiftPrograms } from './swift-programs.js';

/** Versions that are removed are compared by neither MinIO nor, well enough, versitygw. */
const writes = { createsOnce: true, replacesVersion: true, removesVersion: false };
const nothing = { createsOnce: false, replacesVersion: false, removesVersion: false };

function describeStoreOn(start: (folder: string) => Promise<S3Server>, can = writes): void {
  const server = serverOfSuite(start);
  describeObjectStore(
    async () => {
      await server().makeBucket('registry');
      return openStores(s3Settings(server(), { keys: { rootdirectory: '/some/root/' } }));
    },
    can,
    // MinIO and versitygw keep folders.
    { keysAsFolders: can === nothing },
  );
}

describeWith(['minio'], 'S3Store on MinIO', () => {
  describeStoreOn((folder) => Minio.start(folder));
});

describeWith(['versitygw'], 'S3Store on versitygw', () => {
  describeStoreOn((folder) => VersityGateway.start(folder));
});

describeWith(swiftPrograms, 'S3Store on Swift', () => {
  describeStoreOn((folder) => Swift.start(folder, { s3api: true }), nothing);
});
