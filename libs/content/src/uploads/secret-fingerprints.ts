import { randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';

import type { StorageDriver } from '#storage/storage-driver.js';

import { secretSaltPath } from '../paths.js';

const derive = promisify<string, Buffer, number, object, Buffer>(scrypt);

/**
 * Some 200 ms and 16 MiB for each guess at a secret: a person may have chosen a weak one, and whoever reads the storage has
 * the salt. In the thread pool, so that no request waits for it.
 */
const cost = { N: 2 ** 14, r: 8, p: 5, maxmem: 64 * 1024 * 1024 };
const length = 16;
const saltLength = 16;

/** Says whether two secrets are the same without telling either. Only fingerprints with one storage's salt can be compared. */
export class SecretFingerprints {
  readonly #known = new Map<string, string>();
  #salt: Buffer | undefined;

  constructor(private readonly driver: StorageDriver) {}

  /** One for each, in their order. */
  async of(secrets: readonly string[]): Promise<readonly string[]> {
    const salt = (this.#salt ??= await this.#readSalt());
    const fingerprints: string[] = [];
    // One after the other: side by side they would take as much memory each, and threads that requests need.
    for (const secret of secrets) {
      const known = this.#known.get(secret);
      const fingerprint = known ?? (await derive(secret, salt, length, cost)).toString('hex');
      this.#known.set(secret, fingerprint);
      fingerprints.push(fingerprint);
    }
    return fingerprints;
  }

  /** Of all who begin with an empty storage one makes it. */
  async #readSalt(): Promise<Buffer> {
    const made = randomBytes(saltLength);
    if (await this.driver.create({ path: secretSaltPath, content: made })) return made;
    return this.driver.get(secretSaltPath, { limit: 1024 });
  }
}
