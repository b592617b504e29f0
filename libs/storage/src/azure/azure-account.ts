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

/** Azure's SDKs are loaded here, and only if they are needed. Nothing is asked of the service yet. */
export async function openAccount(config: AzureConfig): Promise<AzureAccount> {
  const sdk = await import('@azure/storage-blob');
  const agents = [
    new HttpAgent({ keepAlive: true }),
    new HttpsAgent({ keepAlive: true, rejectUnauthorized: !config.skipverify }),
  ] as const;
  // Repeating is ours: one attempt of theirs is one of ours.
  const options = (url: string): StoragePipelineOptions & { readonly agent: HttpAgent } => ({
    retryOptions: { maxTries: 1 },
    agent: url.startsWith('http:') ? agents[0] : agents[1],
  });
  const close = () => {
    for (const agent of agents) agent.destroy();
  };
  const account = (
    service: BlobServiceClient,
    identity: AzureIdentity,
    pipelineOptions: StoragePipelineOptions,
  ): AzureAccount => {
    const container = service.getContainerClient(config.container);
    const withHeaders = (headers: Readonly<Record<string, string>>) => {
      const pipeline = sdk.newPipeline(service.credential, pipelineOptions);
      pipeline.factories.push(addingHeaders(headers));
      return new sdk.ContainerClient(container.url, pipeline);
    };
    return { service, container, identity, withHeaders, close };
  };
  const connectionString = config.connectionstring?.reveal();
  if (connectionString !== undefined) {
    const address =
      /BlobEndpoint=(http:)|DefaultEndpointsProtocol=(http);|UseDevelopmentStorage=true/i;
    const chosen = options(address.test(connectionString) ? 'http:' : 'https:');
    const service = sdk.BlobServiceClient.fromConnectionString(connectionString, chosen);
    const { credential } = service;
    const identity: AzureIdentity =
      credential instanceof sdk.StorageSharedKeyCredential
        ? { kind: 'key', credential }
        : { kind: 'signature' };
    return account(service, identity, chosen);
  }
  const { accountname = '' } = config;
  const url = config.serviceurl ?? `https://${accountname}.blob.${config.realm}`;
  const identity = await identityOf(config, sdk.StorageSharedKeyCredential);
  const service = new sdk.BlobServiceClient(url, identity.credential, options(url));
  return account(service, identity, options(url));
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
