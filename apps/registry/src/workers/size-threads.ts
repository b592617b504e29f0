import { sizeThreadPool } from '#config/thread-pool.js';

import type { Config } from '../config.js';

/** To be done as soon as the configuration is read: the first operation on a file makes the threads. */
export function sizeThreads({ storage: { driver } }: Pick<Config, 'storage'>): void {
  if (driver.driver === 'filesystem') sizeThreadPool(driver.maxthreads);
}
