import { azureConfig } from '#storage/azure/azure-config.js';
import { AzureStore } from '#storage/azure/azure-store.js';
import { describeObjectStore } from '#storage/testing/object-store.suite.js';

import { describeWith } from '../components/components.js';
import { Azurite } from '../support/servers/azurite.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';

const everything = { createsOnce: true, replacesVersion: true, removesVersion: true };

describeWith(['azurite-blob'], 'AzureStore', () => {
  const azurite = serverOfSuite((folder) => Azurite.start(folder));

  const settings = (more: Readonly<Record<string, unknown>> = {}) =>
    azureConfig.parse({
      accountname: azurite().accountName,
      accountkey: azurite().accountKey,
      container: 'registry',
      serviceurl: azurite().endpoint,
      ...more,
    });

  describeObjectStore(async () => {
    await azurite().makeContainer('registry');
    const open = () => AzureStore.connect(settings({ rootdirectory: '/some/root/' }));
    const [store, other] = await Promise.all([open(), open()]);
    return {
      store,
      other,
      close: async () => {
        await store.close();
        await other.close();
      },
    };
  }, everything);
});
