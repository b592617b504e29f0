import type { HttpConfig } from './http-config.js';

interface SharingKeys {
  readonly replicas: number;
  readonly storage: { readonly driver: { readonly driver: string } };
  readonly http: Pick<HttpConfig, 'secret' | 'secrets' | 'secretfile'>;
}

interface Refusal {
  readonly path: readonly string[];
  readonly message: string;
}

/** Content that only those see who are on this machine, or in this process. */
const ownDrivers = ['filesystem', 'inmemory'];

/** Why so many replicas cannot work together; completes the line that names the key. */
export function sharingRefusal(config: SharingKeys): Refusal | undefined {
  const { replicas, storage } = config;
  if (replicas === 1) return undefined;
  if (storage.driver.driver === 'inmemory') {
    return { path: ['replicas'], message: 'expected 1, because storage.inmemory is not shared' };
  }
  if (!keepsSecretInBucket(config)) return undefined;
  return {
    path: ['http', 'secret'],
    message:
      `expected one that all have, or http.secrets or http.secretfile, ` +
      `because ${replicas} replicas share storage.${storage.driver.driver}`,
  };
}

/** What is risky about the secret that signs upload state. */
export function sharingWarning(config: SharingKeys): string | undefined {
  if (!keepsSecretInBucket(config)) return undefined;
  const { driver } = config.storage.driver;
  return (
    `http.secret is not set: one is made at random and kept in storage.${driver}, and whoever can read it there can forge ` +
    `upload state; set the same http.secret, or http.secrets, on every replica`
  );
}

function keepsSecretInBucket({ storage, http }: SharingKeys): boolean {
  const { secret, secrets, secretfile } = http;
  const configured = secret !== undefined || secrets.length > 0 || secretfile !== undefined;
  return !configured && !ownDrivers.includes(storage.driver.driver);
}
