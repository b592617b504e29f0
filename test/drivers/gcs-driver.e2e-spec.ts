import { afterAll, beforeAll } from '@jest/globals';

import { BucketDriver } from '#storage/bucket/bucket-driver.js';
import { gcsConfig } from '#storage/gcs/gcs-config.js';
import { GcsStore } from '#storage/gcs/gcs-store.js';
import { traitsOfBuckets } from '#storage/testing/driver-traits.js';
import { describeStorageDriver } from '#storage/testing/storage-driver.suite.js';

import { describeWith } from '../components/components.js';
import { FakeGcs } from '../support/servers/fake-gcs.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';
import { GcsConditionsStub } from './gcs-conditions-stub.js';

const everything = { createsOnce: true, replacesVersion: true, removesVersion: true };

describeWith(['fake-gcs-server'], 'BucketDriver on Google Cloud Storage', () => {
  const server = serverOfSuite((folder) => FakeGcs.start(folder));
  let stub: GcsConditionsStub;
  let roots = 0;

  beforeAll(async () => {
    await server().makeBucket('registry');
    stub = await GcsConditionsStub.start(server().endpoint);
  });
  afterAll(async () => stub?.stop());

  describeStorageDriver(async () => {
    const config = gcsConfig.parse({
      bucket: 'registry',
      endpoint: stub.endpoint,
      rootdirectory: `root-${++roots}`,
    });
    const open = async () => {
      const store = await GcsStore.connect(config);
      // It was probed by another suite; here there would be more probes than tests.
      store.probe = async () => everything;
      return BucketDriver.connect(store);
    };
    const [driver, other] = await Promise.all([open(), open()]);
    return {
      driver,
      other,
      close: async () => {
        await driver.close();
        await other.close();
      },
    };
  }, traitsOfBuckets);
});
