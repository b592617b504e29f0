import { traitsOfPlainBuckets } from '#storage/testing/driver-traits.js';
import { describeStorageDriver } from '#storage/testing/storage-driver.suite.js';

import { describeWith } from '../components/components.js';
import { BucketsOfSuite } from './buckets-of-suite.js';
import { swiftPrograms } from './swift-programs.js';
import { SwiftSuite } from './swift-suite.js';

describeWith(swiftPrograms, 'BucketDriver on Swift', () => {
  const suite = new SwiftSuite();
  const buckets = new BucketsOfSuite((root) => suite.store({ prefix: root }));
  describeStorageDriver(() => buckets.open(), traitsOfPlainBuckets);
});
