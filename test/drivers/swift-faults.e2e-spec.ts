import { describe } from '@jest/globals';

import { swiftConfig } from '#storage/swift/swift-config.js';
import { SwiftStore } from '#storage/swift/swift-store.js';
import { describeObjectStore } from '#storage/testing/object-store.suite.js';

import { describeWith } from '../components/components.js';
import { FaultProxy } from '../support/proxies/fault-proxy.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';
import { Swift } from '../support/servers/swift.js';
import { addPassingFaults } from './passing-faults.js';
import { swiftPrograms } from './swift-programs.js';

const seeds = (process.env['HOLDFAST_TEST_SEEDS'] ?? '1').split(',').map(Number);

describeWith(swiftPrograms, 'SwiftStore in trouble', () => {
  const swift = serverOfSuite((folder) => Swift.start(folder));

  describe.each(seeds)('behind a fault proxy with seed %i', (seed) => {
    describeObjectStore(
      async () => {
        const proxy = await FaultProxy.start(swift().endpoint, { seed });
        const open = () =>
          new SwiftStore(
            swiftConfig.parse({
              authurl: swift().authUrl.replace(swift().endpoint, proxy.url),
              username: swift().user,
              password: swift().key,
              container: `seed-${seed}`,
            }),
            { attempts: 12, attemptTimeout: 2500, longestPause: 400 },
          );
        const [store, other] = [open(), open()];
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
      },
      { createsOnce: false, replacesVersion: false, removesVersion: false },
    );
  });
});
