import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';

import type { TokenCredential } from '@azure/identity';
import type {
  BlobServiceClient,
  ContainerClient,
  RequestPolicyFactory,
  StoragePipelineOptions,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';

import type { Secret } from '#config/secret.js';

import { StorageRefused } from '../bucket/object-store.js';
import type { AzureConfig } from './azure-config.js';

/** How the registry shows the account who it is; and so how it makes addresses that others may read. */
type AzureIdentity =
  | { readonly kind: 'key'; readonly credential: StorageSharedKeyCredential }
  | { readonly kind: 'token'; readonly credential: TokenCredential }
  /** A shared access signature in the connection string; it is part of each address already. */
  | { readonly kind: 'signature' };

/** A container, and who we are to it. */
export interface AzureAccount {
  readonly service: BlobServiceClient;
  readonly container: ContainerClient;
  readonly identity: AzureIdentity;
  /** A client whose requests carry these headers too, for what the SDK does not offer. */
  withHeaders(headers: Readonly<Record<string, string>>): ContainerClient;
  /** Closes connections. */
  close(): void;
}

type Sdk = typeof import('@azure/storage-blob');

/**
 * Azure's SDKs are loaded here, and only if they are needed. Nothing is asked of the service yet.
 * @throws {StorageRefused} if the connection string cannot be understood
 */
export async function openAccount(config: AzureConfig): Promise<AzureAccount> {
  const sdk = await import('@azure/storage-blob');
  const secure = isSecure(config);
  const agent = secure
    ? new HttpsAgent({ keepAlive: true, rejectUnauthorized: !config.skipverify })
    : new HttpAgent({ keepAlive: true });
  // Repeating is ours: one attempt of theirs is one of ours.
  const options: Options = { retryOptions: { maxTries: 1 }, agent };
  const { service, identity } =
    config.connectionstring === undefined
      ? await byKeys(sdk, config, options)
      : byConnectionString(sdk, config.connectionstring, options);
  const container = service.getContainerClient(config.container);
  const withHeaders = (headers: Readonly<Record<string, string>>) => {
    const pipeline = sdk.newPipeline(service.credential, options);
    pipeline.factories.push(addingHeaders(headers));
    return new sdk.ContainerClient(container.url, pipeline);
  };
  return { service, container, identity, withHeaders, close: () => agent.destroy() };
}

/** The agent is an option that the SDK takes and does not tell of. */
type Options = StoragePipelineOptions & { readonly agent: HttpAgent };

function isSecure({ connectionstring, serviceurl }: AzureConfig): boolean {
  if (connectionstring === undefined) return !/^http:/i.test(serviceurl ?? '');
  const plain = /(Endpoint=http:)|(EndpointsProtocol=http(;|$))|(UseDevelopmentStorage=true)/i;
  return !plain.test(connectionstring.reveal());
}

function byConnectionString(sdk: Sdk, text: Secret, options: Options) {
  try {
    const service = sdk.BlobServiceClient.fromConnectionString(text.reveal(), options);
    const { credential } = service;
    const identity: AzureIdentity =
      credential instanceof sdk.StorageSharedKeyCredential
        ? { kind: 'key', credential }
        : { kind: 'signature' };
    return { service, identity };
  } catch {
    // The error may hold a part of it, and with it the key.
    throw new StorageRefused(
      'storage.azure.connectionstring cannot be understood: copy it whole, as the portal shows it',
    );
  }
}

async function byKeys(sdk: Sdk, config: AzureConfig, options: Options) {
  const { accountname = '' } = config;
  const url = config.serviceurl ?? `https://${accountname}.blob.${config.realm}`;
  const identity = await identityOf(config, sdk.StorageSharedKeyCredential);
  return { service: new sdk.BlobServiceClient(url, identity.credential, options), identity };
}

function addingHeaders(headers: Readonly<Record<string, string>>): RequestPolicyFactory {
  return {
    create: (next) => ({
      sendRequest: (request) => {
        for (const [name, value] of Object.entries(headers)) request.headers.set(name, value);
        return next.sendRequest(request);
      },
    }),
  };
}

/** Where the national clouds, by the realm of their storage, give tokens. */
const clouds = [
  ['chinacloudapi.cn', 'https://login.chinacloudapi.cn'],
  ['usgovcloudapi.net', 'https://login.microsoftonline.us'],
] as const;

async function identityOf(
  config: AzureConfig,
  SharedKey: typeof StorageSharedKeyCredential,
): Promise<Exclude<AzureIdentity, { kind: 'signature' }>> {
  const { accountname = '', accountkey, credentials = {} } = config;
  const { type = 'shared_key', clientid = '', tenantid = '', secret } = credentials;
  if (type === 'shared_key') {
    return { kind: 'key', credential: new SharedKey(accountname, accountkey?.reveal() ?? '') };
  }
  const identity = await import('@azure/identity');
  const cloud = clouds.find(([realm]) => config.realm.endsWith(realm));
  const options = cloud === undefined ? {} : { authorityHost: cloud[1] };
  const client =
    clientid === ''
      ? {}
      : { managedIdentityClientId: clientid, workloadIdentityClientId: clientid };
  const credential =
    type === 'client_secret'
      ? new identity.ClientSecretCredential(tenantid, clientid, secret?.reveal() ?? '', options)
      : new identity.DefaultAzureCredential({ ...options, ...client });
  return { kind: 'token', credential };
}
