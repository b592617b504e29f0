import type { StorageDriver } from '#storage/storage-driver.js';

/** Whether each look is a call over a network, worth as much as a write, and what can be read is durable. */
export function isBucket(driver: Pick<StorageDriver, 'alterable'>): boolean {
  return !driver.alterable;
}
