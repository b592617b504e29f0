import { readFile } from 'node:fs/promises';

import type { Storage, StorageOptions } from '@google-cloud/storage';

import { StorageRefused } from '../bucket/object-store.js';
import type { GcsConfig } from './gcs-config.js';
import { NoToken } from './gcs-errors.js';
import { GcsRequests } from './gcs-requests.js';

type Credentials = NonNullable<GcsConfig['credentials']>;

/** Google's library, which knows who we are and signs addresses, and the requests that it does not make for us. */
export interface GcsAccount {
  readonly sdk: Storage;
  readonly requests: GcsRequests;
  /** Whether the service asks who we are. */
  readonly authenticated: boolean;
}

/** The SDK is loaded here, and only if it is needed. Nothing is asked of the service yet. */
export async function openGcs(config: GcsConfig): Promise<GcsAccount> {
  const { Storage } = await import('@google-cloud/storage');
  const { keyfile, credentials, endpoint } = config;
  if (keyfile !== undefined) await assertReadable(keyfile);
  const options: StorageOptions = {
    ...(keyfile !== undefined && { keyFilename: keyfile }),
    ...(credentials !== undefined && credentialsOf(credentials)),
    ...(endpoint !== undefined && { apiEndpoint: endpoint }),
  };
  const sdk = new Storage(options);
  const authenticated = sdk.apiEndpoint.startsWith('https:');
  const authorize = async (): Promise<Readonly<Record<string, string>>> => {
    if (!authenticated) return {};
    try {
      return { authorization: `Bearer ${await sdk.authClient.getAccessToken()}` };
    } catch (error) {
      throw new NoToken('no token', { cause: error });
    }
  };
  const userAgent = config.useragent ?? 'holdfast';
  return { sdk, requests: new GcsRequests(sdk.apiEndpoint, userAgent, authorize), authenticated };
}

async function assertReadable(keyfile: string): Promise<void> {
  try {
    JSON.parse(await readFile(keyfile, 'utf8'));
  } catch (error) {
    const why = error instanceof SyntaxError ? 'is not JSON' : 'cannot be read';
    throw new StorageRefused(`storage.gcs.keyfile: ${keyfile} ${why}`, { cause: error });
  }
}

function credentialsOf({ client_email, private_key, ...more }: Credentials) {
  return {
    projectId: more.project_id ?? 'unknown',
    credentials: { type: more.type, client_email, private_key: private_key.reveal() },
    ...(more.universe_domain !== undefined && { universeDomain: more.universe_domain }),
  } satisfies StorageOptions;
}
