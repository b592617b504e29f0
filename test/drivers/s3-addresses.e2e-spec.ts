import { afterEach, beforeAll, expect, it } from '@jest/globals';

import { BlobAddresses } from '#storage/addresses/blob-addresses.js';
import { BucketDriver } from '#storage/bucket/bucket-driver.js';
import { S3Store } from '#storage/s3/s3-store.js';
import { bodyOf } from '#storage/testing/object-bodies.js';
import { RecordingLog } from '#telemetry/testing/recording-log.js';

import { describeWith } from '../components/components.js';
import { CountingProxy } from '../support/proxies/counting-proxy.js';
import { Minio } from '../support/servers/minio.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';
import { s3Settings } from './s3-suite.js';

describeWith(['minio'], 'Addresses on S3', () => {
  const server = serverOfSuite((folder) => Minio.start(folder));
  const opened: S3Store[] = [];
  beforeAll(async () => server().makeBucket('registry'));
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });

  const open = async (keys: Readonly<Record<string, unknown>> = {}) => {
    const config = s3Settings(server(), { keys: { rootdirectory: '/a b/ü', ...keys } });
    const store = await S3Store.connect(config);
    opened.push(store);
    await store.put('blobs/data', bodyOf('0123456789'));
    return store;
  };
  const addressOf = async (store: S3Store, method: 'GET' | 'HEAD', lifetime?: number) =>
    (await store.addressOf('blobs/data', { method, lifetime })) ?? '';

  it('give the blob to who has no credentials, whole and in ranges', async () => {
    const address = await addressOf(await open(), 'GET');
    expect(await (await fetch(address)).text()).toBe('0123456789');
    const part = await fetch(address, { headers: { range: 'bytes=2-4' } });
    expect([part.status, await part.text()]).toEqual([206, '234']);
    expect(address).not.toContain(server().credentials.secretKey);
  });

  it('are signed for the method', async () => {
    const store = await open();
    const head = await fetch(await addressOf(store, 'HEAD'), { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '10']);
    const wrong = await fetch(await addressOf(store, 'GET'), { method: 'HEAD' });
    expect(wrong.status).toBe(403);
  });

  it('are good for as long as is asked for, and for nothing else', async () => {
    const store = await open();
    const address = new URL(await addressOf(store, 'GET', 90_000));
    expect(address.searchParams.get('X-Amz-Expires')).toBe('90');
    address.pathname = address.pathname.replace('data', 'other');
    expect((await fetch(address)).status).toBe(403);
    const driver = await BucketDriver.connect(store);
    const rules = { disable: false, minsize: 0, expiry: 60_000 };
    const addresses = await BlobAddresses.open(driver, rules, [], new RecordingLog());
    const ruled = await addresses.of('/blobs/data', { method: 'GET' }, 10);
    expect(new URL(ruled ?? '').searchParams.get('X-Amz-Expires')).toBe('60');
    expect(await (await fetch(ruled ?? '')).text()).toBe('0123456789');
    addresses.close();
  });

  it('lead to the endpoint for clients where it is another', async () => {
    const proxy = await CountingProxy.start(server().endpoint);
    const address = await addressOf(await open({ redirectendpoint: proxy.url }), 'GET');
    expect(address).toContain(proxy.host);
    expect(await (await fetch(address)).text()).toBe('0123456789');
    // The registry itself asks the other one.
    expect(proxy.counts()).toEqual({ GetObject: 1 });
    await proxy.stop();
  });
});
