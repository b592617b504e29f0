import { createHash, randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { ConditionFailed, ObjectNotFound } from '#storage/bucket/object-store.js';
import { S3Store } from '#storage/s3/s3-store.js';
import { bodyOf } from '#storage/testing/object-bodies.js';

import { describeWith } from '../components/components.js';
import { CountingProxy } from '../support/proxies/counting-proxy.js';
import { FaultProxy } from '../support/proxies/fault-proxy.js';
import { s3Error } from '../support/proxies/fault.js';
import { Minio } from '../support/servers/minio.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';
import { VersityGateway } from '../support/servers/versitygw.js';
import { until } from '../support/until.js';
import { quickRetries, s3Settings } from './s3-suite.js';

const MiB = 1024 * 1024;
const hour = 3_600_000;

describeWith(['minio'], 'Large things on S3', () => {
  const server = serverOfSuite((folder) => Minio.start(folder));
  let faults: FaultProxy;
  let counts: CountingProxy;
  const stores: S3Store[] = [];

  beforeAll(async () => {
    await server().makeBucket('registry');
    faults = await FaultProxy.start(server().endpoint, { seed: 1 });
    counts = await CountingProxy.start(faults.url);
  });
  afterEach(async () => {
    faults.remove();
    for (const store of stores.splice(0)) await store.close();
  });
  afterAll(async () => {
    await counts.stop();
    await faults.stop();
  });

  const open = async (keys: Readonly<Record<string, unknown>> = {}) => {
    const config = s3Settings(server(), { endpoint: counts.url, keys });
    const store = await S3Store.connect(config, { retries: quickRetries });
    stores.push(store);
    counts.reset();
    return store;
  };

  it('asks as little as each operation needs', async () => {
    const store = await open({ rootdirectory: 'calls' });
    const calls = async (action: () => Promise<unknown>) => {
      counts.reset();
      await action();
      return counts.counts();
    };
    const piece = bodyOf(randomBytes(10 * MiB));
    expect(await calls(() => store.put('a', bodyOf('a'), 'absent'))).toEqual({ PutObject: 1 });
    expect(await calls(() => store.get('a', { limit: 9 }))).toEqual({ GetObject: 1 });
    expect(await calls(() => store.head('a'))).toEqual({ HeadObject: 1 });
    expect(await calls(() => store.list('b/'))).toEqual({ ListObjectsV2: 1 });
    expect(await calls(() => store.remove('b'))).toEqual({ DeleteObject: 1 });
    expect(await calls(() => store.removeAll(['b', 'c', 'd']))).toEqual({ DeleteObjects: 1 });
    expect(await calls(() => store.addressOf('a', { method: 'GET' }))).toEqual({});
    const draft = async () => {
      const begun = await store.begin('large', 'writer');
      const pieces = await Promise.all([1, 2, 3].map((number) => store.add(begun, number, piece)));
      await store.complete(begun, pieces, 'absent');
    };
    expect(await calls(draft)).toEqual({
      CreateMultipartUpload: 1,
      UploadPart: 3,
      CompleteMultipartUpload: 1,
    });
    const large = await store.head('large');
    const small = await store.head('a');
    expect(await calls(() => store.join([large], 'copy'))).toEqual({ CopyObject: 1 });
    expect(await calls(() => store.join([large, large, large], 'joined'))).toEqual({
      CreateMultipartUpload: 1,
      UploadPartCopy: 3,
      CompleteMultipartUpload: 1,
    });
    expect(await calls(() => store.join([small, small], 'both'))).toEqual({
      GetObject: 2,
      PutObject: 1,
    });
    // Above the threshold a copy is made in parallel pieces.
    const joined = await store.head('joined');
    expect(joined.size).toBe(90 * MiB);
    expect(await calls(() => store.join([joined], 'copied'))).toEqual({
      CreateMultipartUpload: 1,
      UploadPartCopy: 3,
      CompleteMultipartUpload: 1,
    });
    expect((await store.head('copied')).size).toBe(90 * MiB);
  });

  it('joins in pieces of one size where that is asked for', async () => {
    const store = await open({ rootdirectory: 'uniform', uniformparts: true, chunksize: '5MB' });
    const contents = [6 * MiB, 3, 11 * MiB + 5].map((size) => randomBytes(size));
    for (const [index, content] of contents.entries()) {
      await store.put(`part-${index}`, bodyOf(content));
    }
    const sources = await Promise.all([0, 1, 2].map((index) => store.head(`part-${index}`)));
    counts.reset();
    await store.join(sources, 'joined');
    expect(counts.counts()).toMatchObject({ UploadPart: 1, UploadPartCopy: 3 });
    const { stream } = await store.read('joined');
    expect(sha256(await buffer(stream))).toBe(sha256(Buffer.concat(contents)));
    expect(store.limits.largestPiece).toBe(5 * MiB);
  });

  it('lists and removes more than one page holds, also where batches are refused', async () => {
    const store = await open({ rootdirectory: 'pages' });
    const keys = Array.from({ length: 1030 }, (_, index) => `many/${index}`);
    const writing = [...keys];
    const write = async () => {
      for (let key = writing.pop(); key; key = writing.pop()) await store.put(key, bodyOf(''));
    };
    await Promise.all(Array.from({ length: 16 }, write));
    const first = await store.list('many/');
    const second = await store.list('many/', { next: first.next });
    expect([first.objects.length, second.objects.length, second.next]).toEqual([
      1000,
      30,
      undefined,
    ]);
    counts.reset();
    await store.removeAll(keys.slice(0, 1020));
    expect(counts.counts()).toEqual({ DeleteObjects: 2 });
    const refusing = await open({ rootdirectory: 'pages' });
    faults.add({ operation: 'DeleteObjects', fault: s3Error(501, 'NotImplemented') });
    await refusing.removeAll(keys.slice(1020, 1025));
    await refusing.removeAll(keys.slice(1025));
    expect(counts.counts()).toEqual({ DeleteObjects: 1, DeleteObject: 10 });
    expect((await store.list('many/')).objects).toEqual([]);
  }, 60_000);

  it('lives with objects that no registry wrote', async () => {
    const store = await open({ rootdirectory: 'trash' });
    const trash = [
      'folder/',
      'folder/a',
      'folder/\u0001',
      'folder/&<>"',
      'folder/100%',
      'folder/+ +',
    ];
    for (const key of trash) await store.put(key, bodyOf('trash'));
    const { objects } = await store.list('folder/');
    expect(objects.map(({ key }) => key).toSorted()).toEqual(trash.toSorted());
    const { prefixes } = await store.list('', { folded: true });
    expect(prefixes).toContain('folder/');
    await store.removeAll(trash);
    expect((await store.list('folder/')).objects).toEqual([]);
  });

  describe('a draft', () => {
    const begun = async (store: S3Store, key: string, writer = 'writer') => {
      const draft = await store.begin(key, writer);
      return { draft, pieces: [await store.add(draft, 1, bodyOf(writer))] };
    };

    it('that was completed is known again, though the answer was lost', async () => {
      const store = await open({ rootdirectory: 'lost' });
      const { draft, pieces } = await begun(store, 'large');
      const rule = faults.add({
        operation: 'CompleteMultipartUpload',
        times: 1,
        fault: { kind: 'lost-answer' },
      });
      const version = await store.complete(draft, pieces, 'absent');
      expect(rule.struck).toBe(1);
      expect((await store.head('large')).version).toBe(version);
      expect(counts.counts()).toMatchObject({ CompleteMultipartUpload: 2, HeadObject: 2 });
    });

    it('that was discarded completes nothing, nor one whose key another has written', async () => {
      const store = await open({ rootdirectory: 'gone' });
      const gone = await begun(store, 'large');
      await store.discard(gone.draft);
      await expect(store.complete(gone.draft, gone.pieces)).rejects.toBeInstanceOf(ObjectNotFound);
      const late = await begun(store, 'late');
      await store.put('late', bodyOf('another'));
      await expect(store.complete(late.draft, late.pieces, 'absent')).rejects.toBeInstanceOf(
        ConditionFailed,
      );
      await store.discard(late.draft);
      await expect(store.complete(late.draft, late.pieces, 'absent')).rejects.toBeInstanceOf(
        ConditionFailed,
      );
      expect((await store.get('late', { limit: 100 })).content.toString()).toBe('another');
    });

    it('of this process is swept where drafts are not listed', async () => {
      const store = await open({ rootdirectory: 'swept' });
      const { draft, pieces } = await begun(store, 'holdfast/v1/large');
      const swept = async (before: number, dryRun = false) => {
        const names: string[] = [];
        for await (const name of store.sweep(before, { dryRun })) names.push(name);
        return names;
      };
      expect(await swept(Date.now() - hour)).toEqual([]);
      expect(await swept(Date.now() + hour, true)).toEqual([draft.key]);
      expect(await swept(Date.now() + hour)).toEqual([draft.key]);
      await expect(store.complete(draft, pieces)).rejects.toBeInstanceOf(ObjectNotFound);
    });
  });

  it('leaves no connection behind that hangs or stalls', async () => {
    const store = await open({ rootdirectory: 'hanging' });
    const sockets = () =>
      process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    await store.put('a', bodyOf(randomBytes(MiB)));
    const before = sockets();
    faults.add({ operation: 'GetObject', times: 1, fault: { kind: 'hang' } });
    faults.add({
      operation: 'GetObject',
      times: 1,
      fault: { kind: 'stall', direction: 'answer', afterBytes: 1000 },
    });
    expect((await store.get('a', { limit: MiB })).content).toHaveLength(MiB);
    await until('closed connections', async () => sockets() <= before);
  });
});

describeWith(['versitygw'], 'The sweep on S3', () => {
  const server = serverOfSuite((folder) => VersityGateway.start(folder));
  beforeAll(async () => server().makeBucket('registry'));

  it('ends what dead writers left at any key of ours, and lets others be', async () => {
    const config = s3Settings(server(), { keys: { rootdirectory: 'root' } });
    const [store, dead] = await Promise.all([S3Store.connect(config), S3Store.connect(config)]);
    const keys = ['docker/registry/v2/blobs/sha256/aa/aabb/data', 'holdfast/v1/uploads/1/0'];
    const drafts = await Promise.all([...keys, 'foreign/0'].map((key) => dead.begin(key, 'dead')));
    const pieces = await Promise.all(drafts.map((draft) => dead.add(draft, 1, bodyOf('x'))));
    const swept: string[] = [];
    for await (const key of store.sweep(Date.now() + hour, { dryRun: false })) swept.push(key);
    expect(swept.toSorted()).toEqual(keys);
    const ends = await Promise.allSettled(
      drafts.map((draft, index) => dead.complete(draft, pieces.slice(index, index + 1))),
    );
    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
    await store.close();
    await dead.close();
  });

  it('finds nothing after a join that failed', async () => {
    const store = await S3Store.connect(s3Settings(server()));
    await store.put('a', bodyOf(randomBytes(6 * MiB)));
    const source = await store.head('a');
    const stale = { ...source, version: '"0123456789abcdef0123456789abcdef"' };
    await expect(store.join([source, stale, source], 'holdfast/v1/joined')).rejects.toBeInstanceOf(
      ConditionFailed,
    );
    for await (const key of store.sweep(Date.now() + hour, { dryRun: true })) expect(key).toBe('');
    await store.close();
  });
});

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
