import { afterAll, beforeAll, describe } from '@jest/globals';

import { gcsConfig } from '#storage/gcs/gcs-config.js';
import { GcsStore } from '#storage/gcs/gcs-store.js';
import { describeObjectStore } from '#storage/testing/object-store.suite.js';

import { describeWith } from '../components/components.js';
import { FakeGcs } from '../support/servers/fake-gcs.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';
import { GcsConditionsStub } from './gcs-conditions-stub.js';

const everything = { createsOnce: true, replacesVersion: true, removesVersion: true };

describeWith(['fake-gcs-server'], 'GcsStore', () => {
  const server = serverOfSuite((folder) => FakeGcs.start(folder));
  let stub: GcsConditionsStub;
  beforeAll(async () => {
    await server().makeBucket('registry');
    stub = await GcsConditionsStub.start(server().endpoint);
  });
  afterAll(async () => stub?.stop());

  const connect = (more: Readonly<Record<string, unknown>> = {}) =>
    GcsStore.connect(gcsConfig.parse({ bucket: 'registry', endpoint: stub.endpoint, ...more }));

  describe('with the conditions of the service, which a stub adds', () => {
    describeObjectStore(async () => {
      const settings = { rootdirectory: '/some/root/' };
      const [store, other] = await Promise.all([connect(settings), connect(settings)]);
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
});
