import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { Agent, get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

import {
  BlobServiceClient,
  type StoragePipelineOptions,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { afterAll, beforeAll, expect, it } from '@jest/globals';

import { TestAuthority } from '#registry/http/testing/certificates.js';
import { azureConfig } from '#storage/azure/azure-config.js';
import { AzureStore } from '#storage/azure/azure-store.js';
import { bodyOf } from '#storage/testing/object-bodies.js';

import { describeWith } from '../components/components.js';
import { Azurite } from '../support/servers/azurite.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';

describeWith(['azurite-blob'], 'AzureStore with tokens', () => {
  const azurite = serverOfSuite(async (folder) => {
    const authority = await TestAuthority.create();
    return Azurite.start(folder, { tokens: await authority.issue(['127.0.0.1']) });
  });
  let identity: Server;
  let asked = 0;
  let store: AzureStore;

  beforeAll(async () => {
    // A stub of the endpoint that a managed identity gets its tokens from.
    identity = createServer((_request, response) => {
      asked += 1;
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          access_token: unsignedToken(),
          expires_on: String(Math.floor(Date.now() / 1000) + 3600),
          resource: 'https://storage.azure.com',
          token_type: 'Bearer',
        }),
      );
    }).listen(0, '127.0.0.1');
    await once(identity, 'listening');
    const { port } = identity.address() as AddressInfo;
    process.env['IDENTITY_ENDPOINT'] = `http://127.0.0.1:${port}/token`;
    process.env['IDENTITY_HEADER'] = 'header';
    await makeContainer(azurite());
    store = await AzureStore.connect(
      azureConfig.parse({
        accountname: azurite().accountName,
        container: 'registry',
        serviceurl: azurite().endpoint,
        credentials: { type: 'default_credentials' },
        skipverify: true,
      }),
    );
  });
  afterAll(async () => {
    delete process.env['IDENTITY_ENDPOINT'];
    delete process.env['IDENTITY_HEADER'];
    await store?.close();
    identity?.close();
  });

  it('is who the machine is', async () => {
    const can = await store.probe();
    expect(can).toEqual({ createsOnce: true, replacesVersion: true, removesVersion: true });
    expect(asked).toBe(1);
  });

  it('copies, and gives addresses, by a key that the service delegates', async () => {
    await store.put('a', bodyOf('content'));
    await store.join([await store.head('a')], 'copied');
    const address = (await store.addressOf('copied', { method: 'GET' })) ?? '';
    expect(new URL(address).searchParams.get('skoid')).not.toBeNull();
    expect(await contentAt(address)).toBe('content');
    expect(await contentAt(address.replace('copied', 'a'))).toContain('AuthorizationFailure');
  });
});

async function contentAt(address: string): Promise<string> {
  const request = get(address, { rejectUnauthorized: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return text(response);
}

function unsignedToken(): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    aud: 'https://storage.azure.com',
    iss: 'https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/',
    iat: now,
    nbf: now - 60,
    exp: now + 3600,
    oid: '23657296-5cd5-45b0-a809-d972a7f4dfe1',
    tid: 'dd0d0df1-06c3-436c-8034-4b9a153097ce',
  };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.`;
}

/** By the account's key; the certificate is of no authority that anybody knows. */
async function makeContainer({ accountName, accountKey, endpoint }: Azurite): Promise<void> {
  const credential = new StorageSharedKeyCredential(accountName, accountKey);
  const agent = new Agent({ rejectUnauthorized: false });
  const options = { agent } as StoragePipelineOptions;
  await new BlobServiceClient(endpoint, credential, options).createContainer('registry');
  agent.destroy();
}
