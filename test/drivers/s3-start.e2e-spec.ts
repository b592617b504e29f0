import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { StorageRefused } from '#storage/bucket/object-store.js';
import { S3Store } from '#storage/s3/s3-store.js';
import { StorageUnavailable } from '#storage/storage-driver.js';
import { bodyOf } from '#storage/testing/object-bodies.js';
import { RecordingLog } from '#telemetry/testing/recording-log.js';

import { describeWith } from '../components/components.js';
import { freePort } from '../support/free-port.js';
import { FaultProxy } from '../support/proxies/fault-proxy.js';
import { s3ErrorBody } from '../support/proxies/fault.js';
import { Minio } from '../support/servers/minio.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';
import { TempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';
import { quickRetries, type S3Place, s3Settings } from './s3-suite.js';

const minutes = 60_000;

describeWith(['minio'], 'The start on S3', () => {
  const server = serverOfSuite((folder) => Minio.start(folder));
  let proxy: FaultProxy;
  const stores: S3Store[] = [];

  beforeAll(async () => {
    await server().makeBucket('registry');
    proxy = await FaultProxy.start(server().endpoint, { seed: 1 });
  });
  afterEach(async () => {
    proxy.remove();
    jest.restoreAllMocks();
    for (const store of stores.splice(0)) await store.close();
  });
  afterAll(async () => proxy.stop());

  const open = async (place: S3Place = {}, log?: RecordingLog) => {
    const config = s3Settings(server(), { endpoint: proxy.url, ...place });
    const store = await S3Store.connect(config, { retries: quickRetries, log });
    stores.push(store);
    return store;
  };

  it('says in one line what was found, and asks for it once', async () => {
    const log = new RecordingLog();
    const gets = proxy.add({ operation: 'GetObject', fault: { kind: 'latency', ms: 0 } });
    const puts = proxy.add({ operation: 'PutObject', fault: { kind: 'latency', ms: 0 } });
    const root = { keys: { rootdirectory: 'found' } };
    const abilities = await (await open(root, log)).probe();
    expect(abilities).toEqual({ createsOnce: true, replacesVersion: true, removesVersion: false });
    expect(log.lines).toMatchObject([{ fields: { bucket: 'registry', integrity: 'sha256' } }]);
    const [getsFirst, putsFirst] = [gets.matched, puts.matched];
    expect(await (await open(root)).probe()).toEqual(abilities);
    expect([gets.matched - getsFirst, puts.matched - putsFirst]).toEqual([1, 0]);
    const left = await (await open(root)).list('');
    expect(left.objects.map(({ key }) => key)).toEqual(['holdfast/v1/s3-abilities']);
  });

  it('finds out again where what was written down is trash, or of another service', async () => {
    const store = await open({ keys: { rootdirectory: 'trash' } });
    const found = await store.probe();
    const { content } = await store.get('holdfast/v1/s3-abilities', { limit: 4096 });
    for (const trash of [
      '',
      '{}',
      'x'.repeat(10_000),
      content.toString().replace('http', 'https'),
    ]) {
      await store.put('holdfast/v1/s3-abilities', bodyOf(trash.replace('true', 'false')));
      expect(await store.probe()).toEqual(found);
    }
  });

  it.each([
    ['a bucket that is not there', { bucket: 'another' }, 'check storage.s3.bucket'],
    ['an unknown access key', { keys: { accesskey: 'wrong' } }, 'check storage.s3.accesskey'],
    ['a wrong secret', { keys: { secretkey: 'wr0ng-secret' } }, 'check storage.s3.secretkey'],
  ])('refuses %s, and names the key to correct', async (_what, place, advice) => {
    const failure = await (await open(place)).probe().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StorageRefused);
    const { message } = failure as StorageRefused;
    expect(message).toContain(advice);
    expect(message).not.toContain('\n');
    expect(message).not.toContain('wr0ng-secret');
  });

  it.each([
    [301, 'PermanentRedirect', '', { 'x-amz-bucket-region': 'eu-west-3' }],
    [400, 'AuthorizationHeaderMalformed', '<Region>eu-west-3</Region>', {}],
  ])('says the right region after %i %s', async (status, code, more, headers) => {
    const body = s3ErrorBody(code).replace('</Error>', `${more}</Error>`);
    const fault = { kind: 'answer', status, body, headers } as const;
    proxy.add({ fault: { ...fault, headers: { ...headers, 'content-type': 'application/xml' } } });
    await expect((await open()).probe()).rejects.toThrow(
      'is in region eu-west-3: set storage.s3.region to it',
    );
  });

  it('says what is not allowed', async () => {
    const body = s3ErrorBody('AccessDenied');
    proxy.add({ operation: 'PutObject', fault: { kind: 'answer', status: 403, body } });
    const store = await open({ keys: { rootdirectory: 'denied' } });
    await expect(store.probe()).rejects.toThrow(
      /AccessDenied: the credentials may not .*PutObject/,
    );
  });

  it('gives up on a service that is not there', async () => {
    const nobody = `http://127.0.0.1:${await freePort()}`;
    const store = await open({ endpoint: nobody });
    const failure = await store.probe().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StorageUnavailable);
    expect(failure).not.toBeInstanceOf(StorageRefused);
  });

  it('goes by the proxy of the environment', async () => {
    const before = process.env['HTTP_PROXY'];
    process.env['HTTP_PROXY'] = proxy.url;
    try {
      const store = await open({ endpoint: 'http://minio.invalid:9000' });
      await store.put('by-proxy', bodyOf('content'));
      expect((await store.list('by-proxy')).objects).toHaveLength(1);
    } finally {
      if (before === undefined) delete process.env['HTTP_PROXY'];
      else process.env['HTTP_PROXY'] = before;
    }
  });

  it.each([-20, 20])(
    'takes the time of the service where the clock is %i minutes off',
    async (off) => {
      const { now } = Date;
      jest.spyOn(Date, 'now').mockImplementation(() => now() + off * minutes);
      const store = await open();
      await store.put('skewed', bodyOf('content'));
      expect((await store.get('skewed', { limit: 100 })).content.toString()).toBe('content');
      const address = (await store.addressOf('skewed', { method: 'GET' })) ?? '';
      expect(await (await fetch(address)).text()).toBe('content');
      // The first answer may be to a HEAD, which does not say why it is a refusal.
      const other = await open();
      expect((await other.head('skewed')).size).toBe(7);
    },
  );

  describe('with credentials in a file', () => {
    let folder: TempDir;
    beforeAll(async () => {
      folder = await TempDir.create('credentials');
    });
    afterAll(async () => folder.remove());

    it('takes new ones when the old have expired', async () => {
      const path = join(folder.path, 'credentials');
      const write = async (key: string, secret: string) =>
        writeFile(
          path,
          `[default]\naws_access_key_id = ${key}\naws_secret_access_key = ${secret}\n`,
        );
      await write('expired', 'expired');
      proxy.add({
        where: ({ headers }) => headers.authorization?.includes('Credential=expired/') ?? false,
        fault: { kind: 'answer', status: 400, body: s3ErrorBody('ExpiredToken') },
      });
      const store = await open({
        keys: { accesskey: '', secretkey: '', credentialsconfigpath: path },
      });
      await expect(store.put('renewed', bodyOf('x'))).rejects.toThrow('ExpiredToken: renew');
      const { accessKey, secretKey } = server().credentials;
      await write(accessKey, secretKey);
      await until('new credentials', () => store.put('renewed', bodyOf('x')).catch(() => false));
      expect((await store.head('renewed')).size).toBe(1);
    });
  });
});
