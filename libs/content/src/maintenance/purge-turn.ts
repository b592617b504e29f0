import type { StorageDriver } from '#storage/storage-driver.js';

import { uploadPurgeMarkPath } from '../paths.js';

/**
 * Whose turn it is to purge: of all processes on one storage one in each interval, whichever asks first, also after a
 * restart. The storage keeps the mark of the last round. When it is lost, or clocks differ, a round is done twice, which
 * is harmless.
 */
export class PurgeTurn {
  constructor(
    private readonly driver: StorageDriver,
    private readonly now: () => number,
  ) {}

  /**
   * @param interval in milliseconds
   * @returns undefined if the turn is the caller's, else when the last round began (milliseconds since 1970)
   */
  async take(interval: number): Promise<number | undefined> {
    const now = this.now();
    const mark = { path: uploadPurgeMarkPath, content: Buffer.from(String(now)) };
    if (await this.driver.create(mark)) return undefined;
    const found = await this.driver.get(uploadPurgeMarkPath, { limit: 1024 });
    const last = Number(found);
    // One from the future was written by a clock that was wrong.
    if (last <= now && last > now - interval) return last;
    const replaced =
      (await this.driver.removeIf(uploadPurgeMarkPath, found)) && (await this.driver.create(mark));
    return replaced ? undefined : now;
  }
}
