import { describe } from '@jest/globals';

import { traitsOfBuckets, traitsOfPlainBuckets } from '../testing/driver-traits.js';
import { ObjectsDouble, ObjectStoreDouble } from '../testing/object-store-double.js';
import { describeObjectStore } from '../testing/object-store.suite.js';
import { describeStorageDriver } from '../testing/storage-driver.suite.js';
import { BucketDriver } from './bucket-driver.js';
import type { StoreAbilities } from './object-store.js';

const kinds: readonly [string, StoreAbilities][] = [
  ['every condition', { createsOnce: true, replacesVersion: true, removesVersion: true }],
  ['no compared removal', { createsOnce: true, replacesVersion: true, removesVersion: false }],
  ['no condition', { createsOnce: false, replacesVersion: false, removesVersion: false }],
];

describe.each(kinds)('a double of a store with %s', (_kind, abilities) => {
  const two = () => {
    const objects = new ObjectsDouble();
    const open = () => new ObjectStoreDouble({ objects, abilities });
    return { store: open(), other: open() };
  };

  describe('ObjectStoreDouble', () => {
    describeObjectStore(async () => ({ ...two(), close: async () => {} }), abilities);
  });

  describe('BucketDriver', () => {
    describeStorageDriver(
      async () => {
        const { store, other } = two();
        return {
          driver: await BucketDriver.connect(store),
          other: await BucketDriver.connect(other),
          close: async () => {},
        };
      },
      abilities.createsOnce ? traitsOfBuckets : traitsOfPlainBuckets,
    );
  });
});
