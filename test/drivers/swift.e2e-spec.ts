import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';

import { beforeAll, describe, expect, it } from '@jest/globals';

import { ObjectNotFound, type ObjectStore, StorageRefused } from '#storage/bucket/object-store.js';
import { defaultRetryLimits } from '#storage/bucket/retries.js';
import { SwiftClient } from '#storage/swift/swift-client.js';
import { SwiftManifests } from '#storage/swift/swift-manifests.js';
import { SwiftNames } from '#storage/swift/swift-names.js';
import { SwiftObjects } from '#storage/swift/swift-objects.js';
import type { SwiftStore } from '#storage/swift/swift-store.js';
import { bodyOf } from '#storage/testing/object-bodies.js';
import { describeObjectStore } from '#storage/testing/object-store.suite.js';

import { describeWith } from '../components/components.js';
import { swiftPrograms } from './swift-programs.js';
import { SwiftSuite } from './swift-suite.js';

const MiB = 1024 * 1024;
const hour = 3_600_000;

describeWith(swiftPrograms, 'SwiftStore', () => {
  const suite = new SwiftSuite();

  describeObjectStore(
    async () => {
      const [store, other] = [suite.store({ prefix: 'team' }), suite.store({ prefix: 'team' })];
      return { store, other, close: async () => undefined };
    },
    { createsOnce: false, replacesVersion: false, removesVersion: false },
  );

  describe('segments', () => {
    let store: SwiftStore;
    beforeAll(async () => {
      store = suite.store({ container: 'segments', chunksize: '1MiB' });
      await store.probe();
    });

    it('stay as long as an object has them, whatever became of the one they were written for', async () => {
      const bytes = randomBytes(3 * MiB);
      await writeLarge(store, 'parts/large', bytes);
      await store.put('parts/small', bodyOf('small'));
      const sources = await Promise.all(
        ['parts/large', 'parts/small'].map((key) => store.head(key)),
      );
      await store.join(sources, 'blobs/joined');
      await store.join([await store.head('blobs/joined')], 'blobs/again');
      await store.removeAll(['parts/large', 'parts/small', 'blobs/joined']);
      expect(await sweep(store, hour, true)).toEqual([]);
      expect(await sweep(store, hour)).toEqual([]);
      expect(
        (await whole(store, 'blobs/again')).equals(Buffer.concat([bytes, Buffer.from('small')])),
      ).toBe(true);

      await store.remove('blobs/again');
      expect(await sweep(store, -hour)).toEqual([]);
      const folders = await sweep(store, hour, true);
      expect(folders.length).toBeGreaterThanOrEqual(2);
      expect(await sweep(store, hour)).toEqual(folders);
      expect(await sweep(store, hour)).toEqual([]);
    });

    it('of a draft that nobody completed are swept, and those of one that was are not discarded', async () => {
      const draft = await store.begin('blobs/left', 'writer');
      await store.add(draft, 1, bodyOf(randomBytes(MiB)));
      expect(await sweep(store, hour)).toEqual([`segments/${draft.id}`]);

      const kept = await store.begin('blobs/kept', 'writer');
      const piece = await store.add(kept, 1, bodyOf(randomBytes(MiB)));
      await store.complete(kept, [piece]);
      await store.discard(kept);
      expect(await sweep(store, hour)).toEqual([]);
      expect((await whole(store, 'blobs/kept')).length).toBe(MiB);
    });

    it('that are more than one manifest names are read, joined and kept through manifests of manifests', async () => {
      const config = suite.config({ container: 'segments' });
      const client = new SwiftClient(config, defaultRetryLimits);
      const names = new SwiftNames('segments');
      const objects = new SwiftObjects(client, names);
      const manifests = new SwiftManifests(client, names, objects, () => 3);
      const folder = names.newFolder();
      const contents = Array.from({ length: 10 }, (_, index) => Buffer.alloc(MiB, index));
      const segments = await Promise.all(
        contents.map(async (content, index) => {
          const name = names.inFolder(folder, `part-${index}`);
          const etag = await objects.write(name, bodyOf(content));
          return { path: names.full(name), etag, size: content.length };
        }),
      );
      const options = { writer: 'writer', folder: () => folder };
      expect(await manifests.write('blobs/nested', segments, options)).toBe(
        (await store.head('blobs/nested')).version,
      );
      await client.close();
      await store.join([await store.head('blobs/nested')], 'blobs/flat');
      expect((await whole(store, 'blobs/nested')).equals(Buffer.concat(contents))).toBe(true);
      await store.remove('blobs/flat');
      expect(await sweep(store, hour)).toEqual([]);
      expect((await whole(store, 'blobs/nested')).equals(Buffer.concat(contents))).toBe(true);
    });

    it('are gone where they were discarded before their manifest was written', async () => {
      const draft = await store.begin('blobs/discarded', 'writer');
      const piece = await store.add(draft, 1, bodyOf(randomBytes(10)));
      await store.discard(draft);
      await expect(store.complete(draft, [piece])).rejects.toBeInstanceOf(ObjectNotFound);
    });
  });

  describe('an address', () => {
    it.each([
      ['of its own making', { container: 'addresses' }],
      ['from the configuration', { container: 'addresses', secretkey: 's3cret' }],
    ])('with a key %s serves the object without a token', async (_whose, keys) => {
      const store = suite.store(keys);
      await store.probe();
      await store.put('a b/ü', bodyOf('0123456789'));
      const address = (await store.addressOf('a b/ü', { method: 'GET' })) ?? '';
      const part = await fetch(address, { headers: { range: 'bytes=2-4' } });
      expect([part.status, await part.text()]).toEqual([206, '234']);
      expect((await fetch(address, { method: 'HEAD' })).status).toBe(200);
      expect((await fetch(address.replace('a%20b', 'a%20c'))).status).toBe(401);
      const late = new URL(address);
      late.searchParams.set('temp_url_expires', '2000000000');
      expect((await fetch(late)).status).toBe(401);
      const other = suite.store({ container: 'addresses' });
      await other.probe();
      expect((await fetch((await other.addressOf('a b/ü', { method: 'HEAD' })) ?? '')).status).toBe(
        200,
      );
    });
  });

  describe('a token', () => {
    it('that Swift has forgotten is replaced, in the middle of large bodies too', async () => {
      const store = suite.store({ container: 'tokens' });
      await store.probe();
      const [cache] = suite.server().processes;
      await cache?.restart();
      const bytes = randomBytes(8 * MiB);
      await Promise.all([1, 2, 3].map((each) => store.put(`large/${each}`, bodyOf(bytes))));
      expect((await whole(store, 'large/3')).equals(bytes)).toBe(true);
    });
  });

  describe('what cannot work', () => {
    it.each([
      ['a wrong password', { password: 'wrong' }, /storage\.swift\.username, password/],
      ['a wrong address', { authurl: '{server}/nothing/v1.0' }, /storage\.swift\.authurl/],
      ['a wrong version', { authurl: '{server}/auth/v1.0', authversion: 3 }, /authversion/],
    ])('such as %s is said with its key, and without a secret', async (_what, keys, message) => {
      const authurl =
        'authurl' in keys ? keys.authurl.replace('{server}', suite.server().endpoint) : undefined;
      const store = suite.store({ ...keys, ...(authurl === undefined ? {} : { authurl }) });
      const problem: unknown = await store.probe().catch((error: unknown) => error);
      expect(problem).toBeInstanceOf(StorageRefused);
      expect(String(problem)).toMatch(message);
      expect(String(problem)).not.toContain('testing');
    });
  });
});

async function writeLarge(store: ObjectStore, key: string, bytes: Buffer): Promise<void> {
  const draft = await store.begin(key, 'writer');
  const pieces = await Promise.all(
    Array.from({ length: Math.ceil(bytes.length / MiB) }, (_, index) =>
      store.add(draft, index + 1, bodyOf(bytes.subarray(index * MiB, (index + 1) * MiB))),
    ),
  );
  await store.complete(draft, pieces, 'absent');
}

async function whole(store: ObjectStore, key: string): Promise<Buffer> {
  return buffer((await store.read(key)).stream);
}

/** @param margin milliseconds from now */
async function sweep(store: ObjectStore, margin: number, dryRun = false): Promise<string[]> {
  const swept: string[] = [];
  for await (const name of store.sweep(Date.now() + margin, { dryRun })) swept.push(name);
  return swept;
}
