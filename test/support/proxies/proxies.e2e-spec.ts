import { createHash } from 'node:crypto';

import { BlobServiceClient } from '@azure/storage-blob';
import { Storage } from '@google-cloud/storage';
import { afterEach, expect, it } from '@jest/globals';

import { describeWith } from '../../components/components.js';
import { freePort } from '../free-port.js';
import { Azurite } from '../servers/azurite.js';
import { FakeGcs } from '../servers/fake-gcs.js';
import { Minio } from '../servers/minio.js';
import { Redis, redisCli } from '../servers/redis.js';
import { serverOfSuite } from '../servers/server-of-suite.js';
import { Swift } from '../servers/swift.js';
import { CountingProxy } from './counting-proxy.js';
import { FaultProxy } from './fault-proxy.js';
import { slowDown } from './fault.js';
import { TcpFaultProxy } from './tcp-fault-proxy.js';

const MiB = 1024 * 1024;
const content = Buffer.alloc(32 * MiB, createHash('sha512').update('content').digest());

let stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.toReversed()) await stop();
  stops = [];
});

/** A counting proxy before a fault proxy before the server. */
async function chain(target: string) {
  const faults = await FaultProxy.start(target, { seed: 1 });
  const counts = await CountingProxy.start(faults.url);
  stops.push(
    () => faults.stop(),
    () => counts.stop(),
  );
  return { faults, counts };
}

describeWith(['minio'], 'Proxies before MinIO', () => {
  const minio = serverOfSuite((folder) => Minio.start(folder));

  it('pass what is signed, count it, and break what they are told to', async () => {
    const { faults, counts } = await chain(minio().endpoint);
    const send = (method: string, path: string, body?: Uint8Array<ArrayBuffer>) =>
      minio().request({ method, path, ...(body === undefined ? {} : { body }) }, counts.url);
    expect((await send('PUT', 'blobs')).status).toBe(200);
    expect((await send('PUT', 'blobs/key', content)).status).toBe(200);
    const { status, headers } = await send('HEAD', 'blobs/key');
    expect([status, headers.get('content-length')]).toEqual([200, String(content.length)]);
    const got = Buffer.from(await (await send('GET', 'blobs/key')).arrayBuffer());
    expect(got.equals(content)).toBe(true);
    faults.add({ operation: 'PutObject', times: 1, fault: slowDown });
    faults.add({ operation: 'PutObject', times: 1, fault: { kind: 'lost-answer' } });
    expect((await send('PUT', 'blobs/other', Buffer.from('1'))).status).toBe(503);
    await expect(send('PUT', 'blobs/other', Buffer.from('2'))).rejects.toThrow('fetch failed');
    expect(await (await send('GET', 'blobs/other')).text()).toBe('2');
    expect(counts.traffic()).toMatchObject({
      CreateBucket: { requests: 1 },
      GetObject: { requests: 2, received: content.length + 1 },
      HeadObject: { requests: 1, received: 0 },
      PutObject: { requests: 3, sent: content.length + 2 },
    });
  });

  it('hold no body whole', async () => {
    const { counts } = await chain(minio().endpoint);
    await minio().request({ method: 'PUT', path: 'blobs' });
    await minio().request({ method: 'PUT', path: 'blobs/large', body: content });
    const { body } = await minio().request({ method: 'GET', path: 'blobs/large' }, counts.url);
    const reader = body?.getReader();
    await reader?.read();
    // Whoever reads no more holds up the server too: what lies on the way are buffers of sockets.
    expect(counts.total().received).toBeLessThan(content.length);
    await reader?.cancel();
  });
});

describeWith(['azurite-blob'], 'Proxies before Azurite', () => {
  const azurite = serverOfSuite((folder) => Azurite.start(folder));

  it("pass what Azure's client signs, and break one block", async () => {
    const { faults } = await chain(azurite().endpoint);
    const connection = azurite().connectionStringThrough(faults.url);
    const client = BlobServiceClient.fromConnectionString(connection, {
      retryOptions: { retryDelayInMs: 1 },
    });
    const container = client.getContainerClient('blobs');
    await container.create();
    const block = faults.add({ method: 'PUT', query: { comp: 'block' }, nth: 2, fault: slowDown });
    const blob = container.getBlockBlobClient('a/key');
    await blob.uploadData(content, { blockSize: 8 * MiB, maxSingleShotSize: MiB });
    expect((await blob.downloadToBuffer()).equals(content)).toBe(true);
    expect(block).toMatchObject({ matched: 5, struck: 1 });
  });
});

describeWith(['fake-gcs-server'], 'Proxies before fake-gcs-server', () => {
  let proxy: FaultProxy;
  const gcs = serverOfSuite(async (folder) => {
    const port = await freePort();
    proxy = await FaultProxy.start(`127.0.0.1:${port}`, { seed: 1 });
    return FakeGcs.start(folder, { port, externalUrl: proxy.url });
  });

  it('stay in the way of a resumable upload', async () => {
    stops.push(() => proxy.stop());
    const storage = new Storage({
      apiEndpoint: proxy.url,
      projectId: gcs().projectId,
      useAuthWithCustomEndpoint: false,
    });
    await gcs().makeBucket('blobs');
    const chunks = proxy.add({
      method: 'PUT',
      path: /^\/upload\//,
      fault: { kind: 'latency', ms: 1 },
    });
    const file = storage.bucket('blobs').file('a/key');
    await file.save(content, { resumable: true, chunkSize: 8 * MiB, validation: false });
    const [got] = await file.download({ validation: false });
    expect(got.equals(content)).toBe(true);
    expect(chunks.struck).toBe(4);
  });
});

describeWith(
  [
    'swift-proxy-server',
    'swift-object-server',
    'swift-container-server',
    'swift-account-server',
    'memcached',
  ],
  'Proxies before Swift',
  () => {
    const swift = serverOfSuite((folder) => Swift.start(folder));

    it('are where a client is sent after its login', async () => {
      const { faults } = await chain(swift().endpoint);
      const { storageUrl, token } = await swift().login(`${faults.url}/auth/v1.0`);
      expect(storageUrl).toBe(`${faults.url}/v1/AUTH_test`);
      const headers = { 'x-auth-token': token };
      const at = (path: string) => `${storageUrl}/${path}`;
      await fetch(at('blobs'), { method: 'PUT', headers });
      expect((await fetch(at('blobs/key'), { method: 'PUT', headers, body: content })).status).toBe(
        201,
      );
      const rule = faults.add({ method: 'GET', fault: { kind: 'truncate', bytes: 1 } });
      const got = await (await fetch(at('blobs/key'), { headers })).arrayBuffer();
      expect(got.byteLength).toBe(content.length - 1);
      expect(rule.struck).toBe(1);
    });
  },
);

describeWith(['redis-server'], 'A proxy before Redis', () => {
  const redis = serverOfSuite((folder) => Redis.start(folder));

  it('makes each answer come later', async () => {
    const proxy = await TcpFaultProxy.start(redis().host);
    stops.push(() => proxy.stop());
    proxy.delay(100);
    const start = performance.now();
    expect(await redisCli(['-p', String(proxy.port)], ['ping'])).toBe('PONG');
    expect(performance.now() - start).toBeGreaterThan(198);
  });
});
