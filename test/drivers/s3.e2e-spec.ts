import { s3Config } from '#storage/s3/s3-config.js';
import { S3Store } from '#storage/s3/s3-store.js';
import { describeObjectStore } from '#storage/testing/object-store.suite.js';

import { describeWith } from '../components/components.js';
import { Minio } from '../support/servers/minio.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';

describeWith(['minio'], 'S3Store on MinIO', () => {
  const server = serverOfSuite((folder) => Minio.start(folder));

  const settings = (more: Readonly<Record<string, unknown>> = {}) =>
    s3Config.parse({
      accesskey: server().credentials.accessKey,
      secretkey: server().credentials.secretKey,
      bucket: 'registry',
      regionendpoint: server().endpoint,
      ...more,
    });

  describeObjectStore(
    async () => {
      await server().makeBucket('registry');
      const open = () => S3Store.connect(settings({ rootdirectory: '/some/root/' }));
      const [store, other] = await Promise.all([open(), open()]);
      return {
        store,
        other,
        close: async () => {
          await store.close();
          await other.close();
        },
      };
    },
    { createsOnce: true, replacesVersion: true, removesVersion: false },
    { keysAsFolders: false },
  );
});
