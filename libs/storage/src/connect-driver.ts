import { FilesystemDriver } from './filesystem/filesystem-driver.js';
import { MemoryDriver } from './memory/memory-driver.js';
import type { StorageDriverConfig } from './storage-config.js';
import type { StorageDriver } from './storage-driver.js';

/** @throws {StorageUnavailable} if there is no storage where the configuration says */
export async function connectDriver(config: StorageDriverConfig): Promise<StorageDriver> {
  switch (config.driver) {
    case 'filesystem':
      return FilesystemDriver.connect(config);
    case 'inmemory':
      return new MemoryDriver();
  }
}
