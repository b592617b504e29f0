import { afterAll, beforeAll, describe } from '@jest/globals';

import { azureConfig } from '#storage/azure/azure-config.js';
import { AzureStore } from '#storage/azure/azure-store.js';
import { describeObjectStore } from '#storage/testing/object-store.suite.js';

import { describeWith } from '../components/components.js';
import { FaultProxy } from '../support/proxies/fault-proxy.js';
import { Azurite } from '../support/servers/azurite.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';
import { itSettlesWhatIsLost } from './lost-answers.js';
import { addPassingFaults, seeds } from './passing-faults.js';

const everything = { createsOnce: true, replacesVersion: true, removesVersion: true };

describeWith(['azurite-blob'], 'AzureStore in trouble', () => {
  const azurite = serverOfSuite((folder) => Azurite.start(folder));

  const settings = (more: Readonly<Record<string, unknown>> = {}) =>
    azureConfig.parse({
      accountname: azurite().accountName,
      accountkey: azurite().accountKey,
      container: 'registry',
      serviceurl: azurite().endpoint,
      ...more,
    });

  describe.each(seeds)('behind a fault proxy with seed %i', (seed) => {
    describeObjectStore(async () => {
      await azurite().makeContainer(`seed-${seed}`);
      const { host, pathname } = new URL(azurite().endpoint);
      const proxy = await FaultProxy.start(host, { seed });
      const connect = () =>
        AzureStore.connect(
          settings({ container: `seed-${seed}`, serviceurl: `${proxy.url}${pathname}` }),
          { attempts: 12, attemptTimeout: 2500, longestPause: 400 },
        );
      const [store, other] = await Promise.all([connect(), connect()]);
      addPassingFaults(proxy);
      return {
        store,
        other,
        close: async () => {
          await store.close();
          await other.close();
          await proxy.stop();
        },
      };
    }, everything);
  });

  describe('when answers are lost', () => {
    let behind: { store: AzureStore; proxy: FaultProxy };
    beforeAll(async () => {
      await azurite().makeContainer('lost');
      const { host, pathname } = new URL(azurite().endpoint);
      const proxy = await FaultProxy.start(host);
      const serviceurl = `${proxy.url}${pathname}`;
      const store = await AzureStore.connect(settings({ container: 'lost', serviceurl }));
      behind = { store, proxy };
    });
    afterAll(async () => {
      await behind?.store.close();
      await behind?.proxy.stop();
    });
    itSettlesWhatIsLost(() => behind);
  });
});
