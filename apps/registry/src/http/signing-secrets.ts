import { isUtf8 } from 'node:buffer';
import { open } from 'node:fs/promises';

import { SigningSecrets } from '#content/uploads/signing-secrets.js';
import type { StorageDriver } from '#storage/storage-driver.js';
import type { Log } from '#telemetry/log.js';

import { StartupError } from '../startup-error.js';
import { FileWatcher } from './file-watcher.js';
import type { HttpConfig } from './http-config.js';

type SecretKeys = Pick<HttpConfig, 'secret' | 'secrets' | 'secretfile'>;

export interface WatchedSecrets {
  readonly secrets: SigningSecrets;
  /** Undefined where no file holds them. */
  readonly watcher: FileWatcher | undefined;
}

/** Bytes. */
const largestFile = 64 * 1024;

/**
 * What signs the state of uploads: the first signs, all verify. One that the storage keeps where none is configured.
 * @throws {StartupError} if the file cannot be used; later that leaves in use what it held before
 */
export async function openSigningSecrets(
  http: SecretKeys,
  driver: StorageDriver,
  log: Pick<Log, 'info' | 'warn'>,
): Promise<WatchedSecrets> {
  const { secretfile } = http;
  if (secretfile === undefined) {
    return { secrets: await SigningSecrets.load(driver, configured(http)), watcher: undefined };
  }
  const apply = async () => secrets.replace(await readSecrets(secretfile));
  const watcher = await FileWatcher.start({ what: 'secret file', files: [secretfile], apply, log });
  const secrets = await SigningSecrets.load(driver, await readSecrets(secretfile));
  return { secrets, watcher };
}

/** Takes into use what a configuration says that was read again. Where the secrets come from changes with a restart only. */
export function replaceSecrets(secrets: SigningSecrets, before: SecretKeys, now: SecretKeys): void {
  const source = ({ secretfile }: SecretKeys) => secretfile ?? '';
  if (source(before) !== source(now) || source(now) !== '') return;
  if (configured(before).length > 0 && configured(now).length > 0) secrets.replace(configured(now));
}

function configured({ secret, secrets }: SecretKeys): readonly string[] {
  return [...(secret === undefined ? [] : [secret]), ...secrets].map((one) => one.reveal());
}

/** One on each line. */
async function readSecrets(file: string): Promise<readonly string[]> {
  const secrets = (await readText(file))
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (secrets.length === 0) throw new StartupError('http.secretfile', `${file} is empty`);
  return secrets;
}

async function readText(file: string): Promise<string> {
  try {
    const bytes = await readBytes(file);
    if (!isUtf8(bytes)) throw new Error(`${file} is not UTF-8 text`);
    return bytes.toString('utf8');
  } catch (error) {
    throw new StartupError('http.secretfile', `cannot be used: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** No more than a list of secrets can have, whatever it is that was given in its place. */
async function readBytes(file: string): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(largestFile + 1), { position: 0 });
    if (bytesRead > largestFile) throw new Error(`${file} is larger than 64 KiB`);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
