import { BucketDriver } from '#storage/bucket/bucket-driver.js';
import type { ObjectStore } from '#storage/bucket/object-store.js';
import { defaultRetryLimits, type RetryLimits } from '#storage/bucket/retries.js';
import type { StorageUnderTest } from '#storage/testing/storage-driver.suite.js';

/** Attempts that end soon and are many, for stores that are in trouble. */
export const patience: RetryLimits = {
  ...defaultRetryLimits,
  attempts: 12,
  attemptTimeout: 2500,
  longestPause: 400,
};

/** Two drivers for each test, on a root in the bucket that no other test uses. */
export class BucketsOfSuite {
  #roots = 0;

  constructor(private readonly connect: (root: string) => Promise<ObjectStore> | ObjectStore) {}

  async open(): Promise<StorageUnderTest> {
    const root = `suite/${++this.#roots}`;
    const [driver, other] = await Promise.all([this.#driver(root), this.#driver(root)]);
    return {
      driver,
      other,
      close: async () => {
        await driver.close();
        await other.close();
      },
    };
  }

  async #driver(root: string): Promise<BucketDriver> {
    return BucketDriver.connect(await this.connect(root));
  }
}
