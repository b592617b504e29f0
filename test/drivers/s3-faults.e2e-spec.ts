import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { S3Store } from '#storage/s3/s3-store.js';
import { bodyOf } from '#storage/testing/object-bodies.js';
import { describeObjectStore } from '#storage/testing/object-store.suite.js';

import { describeWith } from '../components/components.js';
import { FaultProxy } from '../support/proxies/fault-proxy.js';
import { clockSkew, s3Error } from '../support/proxies/fault.js';
import { Minio } from '../support/servers/minio.js';
import type { S3Server } from '../support/servers/s3-server.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';
import { VersityGateway } from '../support/servers/versitygw.js';
import { itSettlesWhatIsLost } from './lost-answers.js';
import { addPassingFaults, seeds } from './passing-faults.js';
import { openStores, quickRetries, s3Settings } from './s3-suite.js';

const writes = { createsOnce: true, replacesVersion: true, removesVersion: false };

/** What S3 alone does, documented or seen. */
function addS3Faults(proxy: FaultProxy): void {
  const written = ['CompleteMultipartUpload', 'CopyObject', 'UploadPartCopy'];
  for (const applied of [false, true]) {
    proxy.add({
      operation: written,
      chance: 0.1,
      fault: { kind: 'error-in-ok', whitespace: applied ? 2000 : 0, applied },
    });
  }
  proxy.add({
    operation: [...written, 'PutObject', 'UploadPart', 'GetObject', 'HeadObject'],
    chance: 0.03,
    fault: { kind: 'without-etag' },
  });
  proxy.add({
    operation: ['PutObject', 'UploadPart'],
    chance: 0.04,
    fault: { kind: 'flip', direction: 'request' },
  });
  proxy.add({ chance: 0.01, fault: clockSkew });
  proxy.add({
    operation: ['PutObject', 'CompleteMultipartUpload'],
    chance: 0.02,
    fault: s3Error(409, 'ConditionalRequestConflict'),
  });
  proxy.add({ chance: 0.02, fault: s3Error(400, 'RequestTimeout') });
}

function describeInTrouble(start: (folder: string) => Promise<S3Server>): void {
  const server = serverOfSuite(start);
  describe.each(seeds)('behind a fault proxy with seed %i', (seed) => {
    describeObjectStore(
      async () => {
        const bucket = `seed-${seed}`;
        await server().makeBucket(bucket);
        const proxy = await FaultProxy.start(server().endpoint, { seed });
        addPassingFaults(proxy);
        addS3Faults(proxy);
        const { close, ...stores } = await openStores(
          s3Settings(server(), { endpoint: proxy.url, bucket }),
          quickRetries,
        );
        return {
          ...stores,
          close: async () => {
            await close();
            await proxy.stop();
          },
        };
      },
      writes,
      { keysAsFolders: false },
    );
  });
}

describeWith(['minio'], 'S3Store on MinIO in trouble', () => {
  describeInTrouble((folder) => Minio.start(folder));
});

describeWith(
  ['minio'],
  'an answer of S3 that is cut short, though its length says otherwise',
  () => {
    const server = serverOfSuite((folder) => Minio.start(folder));
    let proxy: FaultProxy;
    let stores: Awaited<ReturnType<typeof openStores>>;

    beforeAll(async () => {
      await server().makeBucket('short');
      proxy = await FaultProxy.start(server().endpoint, { seed: 1 });
      stores = await openStores(
        s3Settings(server(), { endpoint: proxy.url, bucket: 'short' }),
        quickRetries,
      );
      await stores.store.probe();
      for (const name of ['a', 'b'])
        await stores.store.put(`parts/${name}`, bodyOf(name.repeat(1000)));
    });
    afterAll(async () => {
      await stores.close();
      await proxy.stop();
    });

    it('is asked for again when small parts are joined, and is no part that is gone', async () => {
      const sources = await Promise.all(
        ['a', 'b'].map((name) => stores.other.head(`parts/${name}`)),
      );
      const rule = proxy.add({
        operation: 'GetObject',
        nth: 1,
        fault: { kind: 'truncate', bytes: 10 },
      });
      await stores.store.join(sources, 'joined');
      proxy.remove(rule);
      expect(rule.struck).toBe(1);
      const { content } = await stores.other.get('joined', { limit: 4000 });
      expect(content.toString()).toBe('a'.repeat(1000) + 'b'.repeat(1000));
    });

    it('is asked for again when it is a list, and is no folder that is empty', async () => {
      const end = '</Contents></ListBucketResult>'.length;
      for (const bytes of [1, end, end + 100, end + 300]) {
        const rule = proxy.add({
          operation: 'ListObjectsV2',
          nth: 1,
          fault: { kind: 'truncate', bytes },
        });
        const { objects } = await stores.store.list('parts/');
        proxy.remove(rule);
        expect([bytes, rule.struck]).toEqual([bytes, 1]);
        expect(objects.map(({ key }) => key)).toEqual(['parts/a', 'parts/b']);
      }
    });
  },
);

describeWith(['minio'], 'S3Store when answers are lost', () => {
  const server = serverOfSuite((folder) => Minio.start(folder));
  let behind: { store: S3Store; proxy: FaultProxy };
  beforeAll(async () => {
    await server().makeBucket('lost');
    const proxy = await FaultProxy.start(server().endpoint);
    const settings = s3Settings(server(), { endpoint: proxy.url, bucket: 'lost' });
    behind = { store: await S3Store.connect(settings), proxy };
    await behind.store.probe();
  });
  afterAll(async () => {
    await behind?.store.close();
    await behind?.proxy.stop();
  });
  itSettlesWhatIsLost(() => behind);
});

describeWith(['versitygw'], 'S3Store on versitygw in trouble', () => {
  describeInTrouble((folder) => VersityGateway.start(folder));
});
