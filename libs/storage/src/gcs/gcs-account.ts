import { readFile } from 'node:fs/promises';

import type { Storage } from '@google-cloud/storage';
import type { ExternalAccountClientOptions, GoogleAuth } from 'google-auth-library';

import { StorageRefused } from '../bucket/object-store.js';
import type { GcsConfig } from './gcs-config.js';
import { NoToken } from './gcs-errors.js';
import { GcsRequests } from './gcs-requests.js';

/** Google's library, which knows who we are and signs addresses, and the requests that it does not make for us. */
export interface GcsAccount {
  /** The one to use now. */
  readonly sdk: Storage;
  readonly requests: GcsRequests;
  /** Whether the service asks who we are. */
  readonly authenticated: boolean;
}

interface ServiceAccount {
  readonly type: string;
  readonly client_email: string;
  readonly private_key: string;
  readonly project_id?: string | undefined;
  readonly universe_domain?: string | undefined;
}

type AuthLibrary = typeof import('google-auth-library');
type Identity = ServiceAccount | ExternalAccountClientOptions;

const scopes = ['https://www.googleapis.com/auth/devstorage.read_write'];
/** For who signs by a call to Google. */
const signingScopes = ['https://www.googleapis.com/auth/cloud-platform'];

/**
 * The SDKs are loaded here, and only if they are needed. Nothing is asked of the service yet.
 * @throws {StorageRefused} if the key file cannot be used
 */
export async function openGcs(config: GcsConfig): Promise<GcsAccount> {
  const { Storage } = await import('@google-cloud/storage');
  const auth = await import('google-auth-library');
  const identity = await identityOf(config);
  const connect = () =>
    new Storage({
      authClient: authOf(auth, identity),
      // Not needed for objects; without it some of the library's calls go and look for it.
      projectId: (isServiceAccount(identity) && identity.project_id) || 'unknown',
      ...(config.endpoint !== undefined && { apiEndpoint: config.endpoint }),
      ...(identity?.universe_domain !== undefined && { universeDomain: identity.universe_domain }),
    });
  let sdk = connect();
  const authenticated = sdk.apiEndpoint.startsWith('https:');
  const authorize = async (signal: AbortSignal): Promise<Readonly<Record<string, string>>> => {
    if (!authenticated) return {};
    const asked = sdk;
    // Everybody shares the library's question for a token, which may wait for ever: then another one asks again.
    const drop = () => {
      if (sdk === asked) sdk = connect();
    };
    signal.addEventListener('abort', drop, { once: true });
    try {
      const token = await asked.authClient.getAccessToken().catch((error: unknown) => {
        throw new NoToken('no token', { cause: error });
      });
      if (!token) throw new NoToken('no token');
      return { authorization: `Bearer ${token}` };
    } finally {
      signal.removeEventListener('abort', drop);
    }
  };
  const requests = new GcsRequests(sdk.apiEndpoint, config.useragent ?? 'holdfast', authorize);
  return {
    get sdk() {
      return sdk;
    },
    requests,
    authenticated,
  };
}

/** What the configuration says; undefined for application default credentials. */
async function identityOf({ keyfile, credentials }: GcsConfig): Promise<Identity | undefined> {
  if (keyfile !== undefined) return readKeyFile(keyfile);
  if (credentials === undefined) return undefined;
  return { ...credentials, private_key: credentials.private_key.reveal() };
}

async function readKeyFile(path: string): Promise<Identity> {
  const refused = (why: string, cause?: unknown) =>
    new StorageRefused(`storage.gcs.keyfile: ${path} ${why}`, { cause });
  let content: Identity;
  try {
    content = JSON.parse(await readFile(path, 'utf8')) as Identity;
  } catch (error) {
    throw refused(error instanceof SyntaxError ? 'is not JSON' : 'cannot be read', error);
  }
  if (content.type !== 'service_account' && content.type !== 'external_account') {
    throw refused('is neither of a service account nor of workload identity federation');
  }
  return content;
}

function authOf(library: AuthLibrary, identity: Identity | undefined): GoogleAuth {
  const { ExternalAccountClient, GoogleAuth, JWT } = library;
  if (identity === undefined) return new GoogleAuth({ scopes: [...scopes, ...signingScopes] });
  if (isServiceAccount(identity)) {
    const { client_email: email, private_key: key } = identity;
    const auth = new GoogleAuth({ authClient: new JWT({ email, key, scopes }), scopes });
    // Who signs is looked up here.
    auth.jsonContent = { type: 'service_account', client_email: email, private_key: key };
    return auth;
  }
  const authClient = ExternalAccountClient.fromJSON({ ...identity, scopes: signingScopes });
  if (authClient === null) throw new StorageRefused('storage.gcs.keyfile: not understood');
  return new GoogleAuth({ authClient, scopes });
}

function isServiceAccount(identity: Identity | undefined): identity is ServiceAccount {
  return identity !== undefined && identity.type !== 'external_account';
}
