import { beforeAll } from '@jest/globals';

import { azureConfig } from '#storage/azure/azure-config.js';
import { AzureStore } from '#storage/azure/azure-store.js';
import { BucketDriver } from '#storage/bucket/bucket-driver.js';
import { traitsOfBuckets } from '#storage/testing/driver-traits.js';
import { describeStorageDriver } from '#storage/testing/storage-driver.suite.js';

import { describeWith } from '../components/components.js';
import { Azurite } from '../support/servers/azurite.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';

const everything = { createsOnce: true, replacesVersion: true, removesVersion: true };

describeWith(['azurite-blob'], 'BucketDriver on Azure', () => {
  const azurite = serverOfSuite((folder) => Azurite.start(folder));
  let roots = 0;

  beforeAll(async () => azurite().makeContainer('registry'));

  describeStorageDriver(async () => {
    const config = azureConfig.parse({
      accountname: azurite().accountName,
      accountkey: azurite().accountKey,
      container: 'registry',
      serviceurl: azurite().endpoint,
      rootdirectory: `root-${++roots}`,
    });
    const open = async () => {
      const store = await AzureStore.connect(config);
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
