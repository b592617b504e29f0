import { afterAll, beforeAll, describe } from '@jest/globals';

import { azureConfig } from '#storage/azure/azure-config.js';
import { AzureStore } from '#storage/azure/azure-store.js';
import { traitsOfBuckets } from '#storage/testing/driver-traits.js';
import { describeStorageDriver } from '#storage/testing/storage-driver.suite.js';

import { describeWith } from '../components/components.js';
import { FaultProxy } from '../support/proxies/fault-proxy.js';
import { Azurite } from '../support/servers/azurite.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';
import { BucketsOfSuite, patience } from './buckets-of-suite.js';
import { addPassingFaults, seeds } from './passing-faults.js';

const everything = { createsOnce: true, replacesVersion: true, removesVersion: true };

describeWith(['azurite-blob'], 'BucketDriver on Azure', () => {
  const azurite = serverOfSuite((folder) => Azurite.start(folder));

  beforeAll(async () => azurite().makeContainer('registry'));

  const connect = async (root: string, serviceurl: string) => {
    const { accountName: accountname, accountKey: accountkey } = azurite();
    const settings = { accountname, accountkey, container: 'registry', serviceurl };
    const config = azureConfig.parse({ ...settings, rootdirectory: root });
    const store = await AzureStore.connect(config, patience);
    // It was probed by another suite; here there would be more probes than tests.
    store.probe = async () => everything;
    return store;
  };

  const buckets = new BucketsOfSuite((root) => connect(root, azurite().endpoint));
  describeStorageDriver(() => buckets.open(), traitsOfBuckets);

  describe.each(seeds)('behind a fault proxy with seed %i', (seed) => {
    let proxy: FaultProxy;
    beforeAll(async () => {
      proxy = await FaultProxy.start(new URL(azurite().endpoint).host, { seed });
      addPassingFaults(proxy);
    });
    afterAll(() => proxy.stop());
    const troubled = new BucketsOfSuite((root) =>
      connect(`seed-${seed}/${root}`, `${proxy.url}${new URL(azurite().endpoint).pathname}`),
    );
    describeStorageDriver(() => troubled.open(), { ...traitsOfBuckets, repeats: true });
  });
});
