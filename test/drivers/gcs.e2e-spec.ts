import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { ObjectStore } from '#storage/bucket/object-store.js';
import { gcsConfig } from '#storage/gcs/gcs-config.js';
import { GcsStore } from '#storage/gcs/gcs-store.js';
import { bodyOf } from '#storage/testing/object-bodies.js';
import { describeObjectStore } from '#storage/testing/object-store.suite.js';

import { describeWith } from '../components/components.js';
import { FakeGcs } from '../support/servers/fake-gcs.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';
import { TempDir } from '../support/temp-dir.js';
import { GcsConditionsStub } from './gcs-conditions-stub.js';

const everything = { createsOnce: true, replacesVersion: true, removesVersion: true };

describeWith(['fake-gcs-server'], 'GcsStore', () => {
  const server = serverOfSuite((folder) => FakeGcs.start(folder));
  const opened: ObjectStore[] = [];
  let stub: GcsConditionsStub;
  beforeAll(async () => {
    await server().makeBucket('registry');
    stub = await GcsConditionsStub.start(server().endpoint);
  });
  afterAll(async () => {
    for (const store of opened) await store.close();
    await stub?.stop();
  });

  const connect = async (more: Readonly<Record<string, unknown>> = {}) => {
    const config = gcsConfig.parse({ bucket: 'registry', endpoint: stub.endpoint, ...more });
    const store = await GcsStore.connect(config);
    opened.push(store);
    return store;
  };
  const keysIn = async (store: ObjectStore, prefix: string) =>
    (await store.list(prefix)).objects.map(({ key }) => key);
  const account = () => ({
    client_email: 'registry@holdfast.example',
    private_key: generateKeyPairSync('rsa', { modulusLength: 2048 })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString(),
  });

  describe('with the conditions of the service, which a stub adds', () => {
    describeObjectStore(async () => {
      const settings = { rootdirectory: '/some/root/' };
      const [store, other] = await Promise.all([connect(settings), connect(settings)]);
      return { store, other, close: async () => undefined };
    }, everything);
  });

  it('finds out that conditions are ignored, and leaves nothing behind', async () => {
    const store = await connect({ endpoint: server().endpoint, rootdirectory: 'probed' });
    expect(await store.probe()).toEqual({
      createsOnce: false,
      replacesVersion: true,
      removesVersion: false,
    });
    expect(await keysIn(store, '')).toEqual([]);
  });

  it('calls objects what Distribution calls them', async () => {
    const plain = await connect();
    await (await connect({ rootdirectory: '/a/root/' })).put('docker/registry/v2/a', bodyOf('a'));
    expect(await keysIn(plain, 'a/root/')).toEqual(['a/root/docker/registry/v2/a']);
  });

  it('composes more than one call can, and takes away what lay between', async () => {
    const store = await connect({ rootdirectory: 'composed' });
    const texts = Array.from({ length: 70 }, (_, index) => `${index},`);
    const draft = await store.begin('large', 'writer');
    const pieces = [];
    for (let start = 0; start < texts.length; start += 50) {
      const some = texts.slice(start, start + 50);
      pieces.push(
        ...(await Promise.all(
          some.map((each, index) => store.add(draft, start + index + 1, bodyOf(each))),
        )),
      );
    }
    const version = await store.complete(draft, pieces, 'absent');
    const { content } = await store.get('large', { limit: 10_000 });
    expect(content.toString()).toBe(texts.join(''));
    expect(await keysIn(store, '')).toEqual(['large']);
    expect(await store.complete(draft, pieces, 'absent')).toBe(version);
  });

  it('sweeps pieces whose writer is gone, folder by folder', async () => {
    const store = await connect({ rootdirectory: 'swept' });
    const drafts = [await store.begin('a', 'one'), await store.begin('a', 'two')];
    for (const draft of drafts) {
      await store.add(draft, 1, bodyOf('x'));
      await store.add(draft, 2, bodyOf('y'));
    }
    await store.put('kept', bodyOf('z'));
    const sweep = async (before: number, dryRun = false) => {
      const names: string[] = [];
      for await (const name of store.sweep(before, { dryRun })) names.push(name);
      return names;
    };
    expect(await sweep(Date.now() - 60_000)).toEqual([]);
    expect(await sweep(Date.now() + 60_000, true)).toHaveLength(2);
    expect(await keysIn(store, '')).toHaveLength(5);
    expect(await sweep(Date.now() + 60_000)).toHaveLength(2);
    expect(await keysIn(store, '')).toEqual(['kept']);
  });

  it('signs addresses with the key of a service account', async () => {
    const store = await connect({ credentials: account(), endpoint: server().endpoint });
    await store.put('to be/read', bodyOf('0123456789'));
    const address = (await store.addressOf('to be/read', { method: 'GET' })) ?? '';
    expect(new URL(address).searchParams.get('X-Goog-Credential')).toContain('registry@holdfast');
    const part = await fetch(address, { headers: { range: 'bytes=2-4' } });
    expect([part.status, await part.text()]).toEqual([206, '234']);
    expect(await store.addressOf('to be/read', { method: 'HEAD' })).toBeUndefined();
    expect(store.hasAddresses).toBe(true);
    expect((await connect()).hasAddresses).toBe(false);
  });

  it('finds an emulator where the environment says, as Google’s own clients do', async () => {
    process.env['STORAGE_EMULATOR_HOST'] = stub.endpoint;
    try {
      const store = await connect({ endpoint: undefined, rootdirectory: 'emulated' });
      await store.put('a', bodyOf('x'));
      expect(await keysIn(await connect({ rootdirectory: 'emulated' }), '')).toEqual(['a']);
    } finally {
      delete process.env['STORAGE_EMULATOR_HOST'];
    }
  });

  describe('a key file', () => {
    it('that cannot be used is refused by its key', async () => {
      const folder = await TempDir.create();
      await writeFile(folder.join('key.json'), 'no JSON');
      await expect(connect({ keyfile: folder.join('key.json') })).rejects.toThrow(
        /^storage cannot take this write: storage\.gcs\.keyfile: \S+ is not JSON$/,
      );
      await expect(connect({ keyfile: folder.join('none.json') })).rejects.toThrow(
        /storage\.gcs\.keyfile: \S+ cannot be read$/,
      );
      await folder.remove();
    });

    it('signs as the section does', async () => {
      const folder = await TempDir.create();
      await writeFile(
        folder.join('key.json'),
        JSON.stringify({ type: 'service_account', ...account() }),
      );
      const store = await connect({ keyfile: folder.join('key.json') });
      const address = await store.addressOf('a', { method: 'GET' });
      expect(address).toContain('X-Goog-Signature=');
      await folder.remove();
    });
  });
});
