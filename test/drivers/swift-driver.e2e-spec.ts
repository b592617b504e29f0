import { afterAll, beforeAll, describe } from '@jest/globals';

import { traitsOfPlainBuckets } from '#storage/testing/driver-traits.js';
import { describeStorageDriver } from '#storage/testing/storage-driver.suite.js';

import { describeWith } from '../components/components.js';
import { FaultProxy } from '../support/proxies/fault-proxy.js';
import { BucketsOfSuite } from './buckets-of-suite.js';
import { addPassingFaults } from './passing-faults.js';
import { swiftPrograms } from './swift-programs.js';
import { SwiftSuite } from './swift-suite.js';

/** Behind the proxy it takes minutes: only where seeds are asked for. */
const seeds = (process.env['HOLDFAST_TEST_SEEDS'] ?? '').split(',').filter((seed) => seed !== '');

describeWith(swiftPrograms, 'BucketDriver on Swift', () => {
  const suite = new SwiftSuite();
  const buckets = new BucketsOfSuite((root) => suite.store({ prefix: root }));
  describeStorageDriver(() => buckets.open(), traitsOfPlainBuckets);

  for (const seed of seeds) {
    describe(`behind a fault proxy with seed ${seed}`, () => {
      let proxy: FaultProxy;
      beforeAll(async () => {
        proxy = await FaultProxy.start(suite.server().endpoint, { seed: Number(seed) });
        addPassingFaults(proxy);
      });
      afterAll(() => proxy.stop());
      const troubled = new BucketsOfSuite((root) => {
        const { authUrl, endpoint } = suite.server();
        return suite.store(
          { authurl: authUrl.replace(endpoint, proxy.url), prefix: `seed-${seed}/${root}` },
          { attempts: 12, attemptTimeout: 2500, longestPause: 400 },
        );
      });
      describeStorageDriver(() => troubled.open(), traitsOfPlainBuckets);
    });
  }
});
