import { type StorageDriver, StorageUnavailable } from '#storage/storage-driver.js';

import { defaultTimeout, type HealthCheck } from '../health-check.js';

/** Two folders at most, however large the registry is; and an empty storage has none, which is as good. */
const smallFolder = '/docker/registry/v2';

/**
 * Whether the storage can be read. Whether it can be written to is not asked: a full or read-only disk still serves pulls,
 * and each push is told by its own answer.
 */
export function storageCheck(
  driver: StorageDriver,
  { interval, threshold }: { readonly interval: number; readonly threshold: number },
): HealthCheck {
  return {
    name: `storagedriver_${driver.name}`,
    initially: 'up', // The driver has just reached it: otherwise there is no process.
    interval,
    threshold,
    timeout: defaultTimeout,
    run: async () => {
      try {
        await driver.list(smallFolder);
      } catch (error) {
        throw error instanceof StorageUnavailable ? new Error(error.reason) : error;
      }
    },
  };
}
