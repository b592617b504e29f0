import { swiftConfig } from '#storage/swift/swift-config.js';
import { SwiftStore } from '#storage/swift/swift-store.js';
import { describeObjectStore } from '#storage/testing/object-store.suite.js';

import { describeWith } from '../components/components.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';
import { Swift } from '../support/servers/swift.js';
import { swiftPrograms } from './swift-programs.js';

describeWith(swiftPrograms, 'Swift', () => {
  const swift = serverOfSuite((folder) => Swift.start(folder));

  const storeOf = (more: object = {}) =>
    new SwiftStore(
      swiftConfig.parse({
        authurl: swift().authUrl,
        username: swift().user,
        password: swift().key,
        container: 'registry',
        prefix: 'team',
        ...more,
      }),
    );

  describeObjectStore(
    async () => {
      const store = storeOf();
      const other = storeOf();
      return {
        store,
        other,
        close: async () => {
          await store.close();
          await other.close();
        },
      };
    },
    { createsOnce: false, replacesVersion: false, removesVersion: false },
  );
});
