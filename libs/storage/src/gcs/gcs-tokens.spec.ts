import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { StorageUnavailable } from '../storage-driver.js';
import { gcsConfig } from './gcs-config.js';
import { GcsStore } from './gcs-store.js';

const limits = { attempts: 2, attemptTimeout: 100, firstPause: 1 };

describe('GcsStore with an endpoint for tokens', () => {
  let folder: string;
  let tokens: Server;
  let answer: (response: ServerResponse) => void;
  let store: GcsStore;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-gcs-'));
    tokens = createServer((_request, response) => answer(response)).listen(0, '127.0.0.1');
    await once(tokens, 'listening');
    const url = `http://127.0.0.1:${(tokens.address() as AddressInfo).port}`;
    await writeFile(join(folder, 'subject'), 'token');
    const keyfile = join(folder, 'key.json');
    await writeFile(
      keyfile,
      JSON.stringify({
        type: 'external_account',
        audience: '//iam.googleapis.com/locations/global/workloadIdentityPools/pool/providers/one',
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        token_url: `${url}/token`,
        credential_source: { file: join(folder, 'subject') },
      }),
    );
    // Nobody is there: who gets so far has a token.
    const endpoint = 'https://127.0.0.1:1';
    store = await GcsStore.connect(gcsConfig.parse({ bucket: 'b', keyfile, endpoint }), limits);
  });
  afterEach(async () => {
    await store.close();
    tokens.closeAllConnections();
    tokens.close();
    await rm(folder, { recursive: true });
  });

  it('gives up when that is silent, and asks again', async () => {
    answer = () => undefined;
    expect(await failureOf(store)).toContain('did not answer in time');

    answer = (response) => {
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          access_token: 'token',
          issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
          token_type: 'Bearer',
          expires_in: 3600,
        }),
      );
    };
    while (!(await failureOf(store)).includes('ECONNREFUSED'));
  });
});

async function failureOf(store: GcsStore): Promise<string> {
  const error: unknown = await store.head('a').catch((failure: unknown) => failure);
  if (!(error instanceof StorageUnavailable)) throw error;
  return error.reason;
}
