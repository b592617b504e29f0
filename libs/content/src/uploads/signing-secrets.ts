import { createHash, randomBytes } from 'node:crypto';

import { ContentTooLarge, PathNotFound, type StorageDriver } from '#storage/storage-driver.js';

import { secretPath } from '../paths.js';

/**
 * How long a new first secret is only accepted while the one that signed before it is still listed (milliseconds). Other
 * processes on the machine see a changed file within a second, other machines when Kubernetes brings it, about a minute later.
 */
const settlingTime = 2 * 60 * 1000;

/** What upload state is signed with. The first signs; all are accepted, so that a secret can be replaced while uploads go on. */
export class SigningSecrets {
  #all: readonly string[];
  #signing: string;
  #signsUntil = 0;

  private constructor(
    configured: readonly string[],
    private readonly now: () => number,
  ) {
    this.#all = keysOf(configured);
    this.#signing = firstOf(this.#all);
  }

  /**
   * The configured secrets; or one that is made once and kept beside the data, so that a restart loses no session and all
   * processes on one storage agree.
   */
  static async load(
    driver: StorageDriver,
    configured: readonly string[],
    now: () => number = () => performance.now(),
  ): Promise<SigningSecrets> {
    if (configured.length > 0) return new SigningSecrets(configured, now);
    return new SigningSecrets([await keptSecret(driver)], now);
  }

  /** Derived from the secrets, one each, in their order. */
  get all(): readonly string[] {
    return this.#all;
  }

  /** The one that signs. */
  get first(): string {
    if (this.now() >= this.#signsUntil) this.#signing = firstOf(this.#all);
    return this.#signing;
  }

  /**
   * Takes another list into use: those that are not in it are no longer accepted. Its first signs once every other process
   * has had the time to learn it too, or at once where the one that signed is gone.
   */
  replace(configured: readonly string[]): void {
    const signing = this.first;
    this.#all = keysOf(configured);
    const keepsSigning = this.#all.includes(signing) && signing !== firstOf(this.#all);
    this.#signsUntil = keepsSigning ? this.now() + settlingTime : 0;
  }
}

/** A file that somebody emptied or cut would sign with a secret that anybody can guess. */
const shortest = 32;

/**
 * The one that the storage keeps for who has none configured, made if there is none. Where nothing may be written no upload
 * is taken either: there one will do that nobody else knows.
 */
export async function keptSecret(
  driver: StorageDriver,
  { readonly = false }: { readonly readonly?: boolean } = {},
): Promise<string> {
  const made = randomBytes(32).toString('hex');
  if (readonly) return (await readSecret(driver)) ?? made;
  if (await driver.create({ path: secretPath, content: Buffer.from(made) })) return made;
  const kept = await readSecret(driver);
  if (kept !== undefined) return kept;
  throw new Error(
    `the upload secret in the storage (${secretPath}) is damaged: remove the file, or configure http.secret`,
  );
}

/** Undefined where there is none that could be used. */
async function readSecret(driver: StorageDriver): Promise<string | undefined> {
  try {
    const text = (await driver.get(secretPath, { limit: 1024 })).toString('latin1').trim();
    return text.length >= shortest ? text : undefined;
  } catch (error) {
    if (error instanceof PathNotFound || error instanceof ContentTooLarge) return undefined;
    throw error;
  }
}

function keysOf(secrets: readonly string[]): readonly string[] {
  if (secrets.length === 0) throw new Error('there is no secret to sign upload state with');
  return [...new Set(secrets)].map(keyOf);
}

function firstOf(keys: readonly string[]): string {
  return keys[0] as string;
}

/** As text: Node takes ten times as long to set up a MAC with a key of bytes. */
function keyOf(secret: string): string {
  return createHash('sha256').update('holdfast upload state\0').update(secret).digest('hex');
}
