import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { errorOf } from '../support/exchange.js';
import { type Holdfast, startHoldfast } from '../support/holdfast.js';
import { digestOf, RegistryApi } from '../support/registry-api.js';

/** A content delivery network on this machine: it sends the files of the storage to whoever comes. */
describe('blobs behind the middleware redirect', () => {
  const content = randomBytes(100_000);
  const digest = digestOf(content);
  const path = `/v2/library/app/blobs/${digest}`;
  const data = `/docker/registry/v2/blobs/sha256/${digest.slice(7, 9)}/${digest.slice(7)}/data`;
  let network: Server;
  let base: string;
  let holdfast: Holdfast;
  let api: RegistryApi;
  let root = '';

  beforeAll(async () => {
    network = createServer((request, response) => {
      const file = join(root, (request.url ?? '').replace(/^\/base/, ''));
      createReadStream(file)
        .on('error', () => response.writeHead(404).end())
        .pipe(response);
    });
    await new Promise<void>((resolve) => network.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(network.address() as AddressInfo).port}/base`;
    holdfast = await startHoldfast({
      config: {
        middleware: { storage: [{ name: 'redirect', options: { baseurl: base } }] },
      },
    });
    ({ root } = holdfast);
    api = new RegistryApi(holdfast.url);
    await api.pushBlob('library/app', content);
  }, 60_000);

  afterAll(async () => {
    await holdfast?.stop();
    await new Promise((resolve) => network.close(resolve));
  });

  it('are fetched from there', async () => {
    const answer = await api.get(path);
    expect(answer.status).toBe(307);
    expect(answer.headers).toMatchObject({
      location: base + data,
      'docker-content-digest': digest,
      'cache-control': 'no-store',
    });
    const followed = await fetch(holdfast.url + path);
    expect(Buffer.from(await followed.arrayBuffer()).equals(content)).toBe(true);
  });

  it('are still answered to HEAD by the registry', async () => {
    const answer = await api.send('HEAD', path);
    expect([answer.status, answer.headers['content-length']]).toEqual([200, '100000']);
  });

  it('have no address in a repository that does not have them', async () => {
    const answer = await api.get(path.replace('library/app', 'library/other'));
    expect([answer.status, errorOf(answer).code]).toEqual([404, 'BLOB_UNKNOWN']);
  });
});
