import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { defaultRetryLimits } from '#storage/bucket/retries.js';
import { s3Config } from '#storage/s3/s3-config.js';
import { S3Store } from '#storage/s3/s3-store.js';
import { StorageUnavailable } from '#storage/storage-driver.js';

const credentials = `
<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <Credentials>
      <AccessKeyId>id</AccessKeyId>
      <SecretAccessKey>key</SecretAccessKey>
      <SessionToken>token</SessionToken>
      <Expiration>2999-01-01T00:00:00Z</Expiration>
    </Credentials>
  </AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>`;

describe('S3Store with a service for its credentials', () => {
  let folder: string;
  let service: Server;
  let answer: (response: ServerResponse) => void;
  let store: S3Store;
  let variables: Readonly<Record<string, string>>;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-s3-'));
    service = createServer((_request, response) => answer(response)).listen(0, '127.0.0.1');
    await once(service, 'listening');
    await writeFile(join(folder, 'token'), 'token');
    variables = {
      AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, 'token'),
      AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/registry',
      AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${(service.address() as AddressInfo).port}`,
    };
    Object.assign(process.env, variables);
    // Nobody is there: who gets so far has credentials.
    const regionendpoint = 'http://127.0.0.1:1';
    const config = { bucket: 'b', region: 'us-east-1', regionendpoint, forcepathstyle: true };
    const retries = { ...defaultRetryLimits, attempts: 2, attemptTimeout: 100, firstPause: 1 };
    store = await S3Store.connect(s3Config.parse(config), { retries });
  });
  afterEach(async () => {
    for (const name of Object.keys(variables)) delete process.env[name];
    await store.close();
    service.closeAllConnections();
    service.close();
    await rm(folder, { recursive: true });
  });

  it('gives up when that is silent, and asks again', async () => {
    answer = () => undefined;
    expect(await failureOf(store)).toContain('did not answer in time');

    answer = (response) => response.setHeader('content-type', 'text/xml').end(credentials);
    while (!(await failureOf(store)).includes('ECONNREFUSED'));
  });
});

async function failureOf(store: S3Store): Promise<string> {
  const error: unknown = await store.head('a').catch((failure: unknown) => failure);
  if (!(error instanceof StorageUnavailable)) throw error;
  return error.reason;
}
