import { afterAll, beforeAll, describe } from '@jest/globals';

import { gcsConfig } from '#storage/gcs/gcs-config.js';
import { GcsStore } from '#storage/gcs/gcs-store.js';
import { traitsOfBuckets } from '#storage/testing/driver-traits.js';
import { describeStorageDriver } from '#storage/testing/storage-driver.suite.js';

import { describeWith } from '../components/components.js';
import { FaultProxy } from '../support/proxies/fault-proxy.js';
import { FakeGcs } from '../support/servers/fake-gcs.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';
import { BucketsOfSuite, patience } from './buckets-of-suite.js';
import { GcsConditionsStub } from './gcs-conditions-stub.js';
import { addPassingFaults, seeds } from './passing-faults.js';

const everything = { createsOnce: true, replacesVersion: true, removesVersion: true };

describeWith(['fake-gcs-server'], 'BucketDriver on Google Cloud Storage', () => {
  const server = serverOfSuite((folder) => FakeGcs.start(folder));
  let stub: GcsConditionsStub;

  beforeAll(async () => {
    await server().makeBucket('registry');
    stub = await GcsConditionsStub.start(server().endpoint);
  });
  afterAll(async () => stub?.stop());

  const connect = async (root: string, endpoint: string) => {
    const config = gcsConfig.parse({ bucket: 'registry', endpoint, rootdirectory: root });
    const store = await GcsStore.connect(config, patience);
    // It was probed by another suite; here there would be more probes than tests.
    store.probe = async () => everything;
    return store;
  };

  const buckets = new BucketsOfSuite((root) => connect(root, stub.endpoint));
  describeStorageDriver(() => buckets.open(), traitsOfBuckets);

  describe.each(seeds)('behind a fault proxy with seed %i', (seed) => {
    let proxy: FaultProxy;
    beforeAll(async () => {
      proxy = await FaultProxy.start(stub.endpoint, { seed });
      addPassingFaults(proxy);
    });
    afterAll(() => proxy.stop());
    const troubled = new BucketsOfSuite((root) => connect(`seed-${seed}/${root}`, proxy.url));
    describeStorageDriver(() => troubled.open(), { ...traitsOfBuckets, repeats: true });
  });
});
