import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { StorageRefused } from '#storage/bucket/object-store.js';
import { gcsConfig } from '#storage/gcs/gcs-config.js';
import { GcsStore } from '#storage/gcs/gcs-store.js';
import { bodyOf } from '#storage/testing/object-bodies.js';
import { describeObjectStore } from '#storage/testing/object-store.suite.js';

import { describeWith } from '../components/components.js';
import { FaultProxy } from '../support/proxies/fault-proxy.js';
import { FakeGcs } from '../support/servers/fake-gcs.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';
import { GcsConditionsStub } from './gcs-conditions-stub.js';
import { itSettlesWhatIsLost } from './lost-answers.js';
import { addPassingFaults, seeds } from './passing-faults.js';

const everything = { createsOnce: true, replacesVersion: true, removesVersion: true };

describeWith(['fake-gcs-server'], 'GcsStore in trouble', () => {
  const server = serverOfSuite((folder) => FakeGcs.start(folder));
  let stub: GcsConditionsStub;
  beforeAll(async () => {
    await server().makeBucket('registry');
    stub = await GcsConditionsStub.start(server().endpoint);
  });
  afterAll(async () => stub?.stop());

  describe.each(seeds)('behind a fault proxy with seed %i', (seed) => {
    describeObjectStore(async () => {
      const proxy = await FaultProxy.start(stub.endpoint, { seed });
      const connect = () =>
        GcsStore.connect(
          gcsConfig.parse({
            bucket: 'registry',
            endpoint: proxy.url,
            rootdirectory: `seed-${seed}`,
          }),
          { attempts: 12, attemptTimeout: 1500, longestPause: 400 },
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
    let behind: { store: GcsStore; proxy: FaultProxy };
    beforeAll(async () => {
      const proxy = await FaultProxy.start(stub.endpoint);
      const config = { bucket: 'registry', endpoint: proxy.url, rootdirectory: 'lost' };
      behind = { store: await GcsStore.connect(gcsConfig.parse(config)), proxy };
    });
    afterAll(async () => {
      await behind?.store.close();
      await behind?.proxy.stop();
    });
    itSettlesWhatIsLost(() => behind);
  });

  it('refuses a bucket that is not there, and says which key to correct', async () => {
    const store = await GcsStore.connect(
      gcsConfig.parse({ bucket: 'another', endpoint: server().endpoint }),
    );
    await expect(store.probe()).rejects.toThrow(StorageRefused);
    await expect(store.probe()).rejects.toThrow('correct storage.gcs.bucket');
    await expect(store.put('a', bodyOf('x'))).rejects.toThrow(StorageRefused);
    await store.close();
  });
});
