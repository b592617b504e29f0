import { createHash, randomBytes } from 'node:crypto';

import { ContentTooLarge, PathNotFound, type StorageDriver } from '#storage/storage-driver.js';

import { secretPath } from '../paths.js';

/** What upload state is signed with. The first signs; all are accepted, so that a secret can be replaced while uploads go on. */
export class SigningSecrets {
  private constructor(readonly all: readonly string[]) {}

  /**
   * The configured secrets; or one that is made once and kept beside the data, so that a restart loses no session and all
   * processes on one storage agree.
   */
  static async load(driver: StorageDriver, configured: readonly string[]): Promise<SigningSecrets> {
    if (configured.length > 0) return new SigningSecrets(configured.map(keyOf));
    const made = randomBytes(32).toString('hex');
    const created = await driver.create({ path: secretPath, content: Buffer.from(made) });
    return new SigningSecrets([keyOf(created ? made : await readSecret(driver))]);
  }

  get first(): string {
    return this.all[0] as string;
  }
}

/** A file that somebody emptied or cut would sign with a secret that anybody can guess. */
const shortest = 32;

async function readSecret(driver: StorageDriver): Promise<string> {
  try {
    const text = (await driver.get(secretPath, { limit: 1024 })).toString('latin1').trim();
    if (text.length >= shortest) return text;
  } catch (error) {
    if (!(error instanceof PathNotFound) && !(error instanceof ContentTooLarge)) throw error;
  }
  throw new Error(
    `the upload secret in the storage (${secretPath}) is damaged: remove the file, or configure http.secret`,
  );
}

/** As text: Node takes ten times as long to set up a MAC with a key of bytes. */
function keyOf(secret: string): string {
  return createHash('sha256').update('holdfast upload state\0').update(secret).digest('hex');
}
