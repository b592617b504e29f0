import { text } from 'node:stream/consumers';

import {
  BlobServiceClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { azureConfig } from '#storage/azure/azure-config.js';
import { AzureStore } from '#storage/azure/azure-store.js';
import { ConditionFailed, type ObjectStore, StorageRefused } from '#storage/bucket/object-store.js';
import { bodyOf } from '#storage/testing/object-bodies.js';
import { describeObjectStore } from '#storage/testing/object-store.suite.js';

import { describeWith } from '../components/components.js';
import { Azurite } from '../support/servers/azurite.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';

const everything = { createsOnce: true, replacesVersion: true, removesVersion: true };

describeWith(['azurite-blob'], 'AzureStore', () => {
  const azurite = serverOfSuite((folder) => Azurite.start(folder));
  const opened: ObjectStore[] = [];
  afterAll(async () => {
    for (const store of opened) await store.close();
  });

  const connect = async (more: Readonly<Record<string, unknown>> = {}) => {
    const store = await AzureStore.connect(
      azureConfig.parse({
        accountname: azurite().accountName,
        accountkey: azurite().accountKey,
        container: 'registry',
        serviceurl: azurite().endpoint,
        ...more,
      }),
    );
    opened.push(store);
    return store;
  };
  /** The container as Microsoft's own client shows it. */
  const containerOf = (name: string) => {
    const credential = new StorageSharedKeyCredential(azurite().accountName, azurite().accountKey);
    return new BlobServiceClient(azurite().endpoint, credential).getContainerClient(name);
  };
  const namesIn = async (container: string) => {
    const names: string[] = [];
    for await (const { name } of containerOf(container).listBlobsFlat()) names.push(name);
    return names;
  };

  beforeAll(async () => {
    await azurite().makeContainer('registry');
  });

  describeObjectStore(async () => {
    const settings = { rootdirectory: '/some/root/' };
    const [store, other] = await Promise.all([connect(settings), connect(settings)]);
    return { store, other, close: async () => undefined };
  }, everything);

  describe('the name of a blob', () => {
    it.each([
      ['of Distribution 3', {}, 'docker/registry/v2/a'],
      ['below a root', { rootdirectory: '/the/root/' }, 'the/root/docker/registry/v2/a'],
      ['of Distribution 2', { trimlegacyrootprefix: 'false' }, '/docker/registry/v2/a'],
    ])('%s is what it is there', async (_whose, settings, name) => {
      const container = `names-${name.length}`;
      await azurite().makeContainer(container);
      const store = await connect({ container, ...settings });
      await store.put('docker/registry/v2/a', bodyOf('a'));
      expect(await namesIn(container)).toEqual([name]);
      expect((await store.list('docker/')).objects).toMatchObject([
        { key: 'docker/registry/v2/a' },
      ]);
    });

    it('begins with a slash where Distribution 2 has written, unless 3 has too', async () => {
      await azurite().makeContainer('legacy');
      const container = containerOf('legacy');
      const write = (name: string) => container.getBlockBlobClient(name).upload(name, name.length);
      await write('/docker/registry/v2/a');
      const store = await connect({ container: 'legacy' });
      await store.probe();
      expect((await store.get('docker/registry/v2/a', { limit: 99 })).content.toString()).toBe(
        '/docker/registry/v2/a',
      );
      await store.put('docker/registry/v2/b', bodyOf('b'));
      await store.removeAll(['docker/registry/v2/a', 'holdfast/nothing']);
      expect(await namesIn('legacy')).toEqual(['/docker/registry/v2/b']);
      const { objects } = await store.list('docker/registry/');
      const source = objects[0];
      if (source === undefined) throw new Error('nothing is listed');
      await store.join([source, source], 'docker/registry/v2/c');
      await store.join([source], 'docker/registry/v2/d');
      expect(await namesIn('legacy')).toEqual(
        ['b', 'c', 'd'].map((name) => `/docker/registry/v2/${name}`),
      );

      await write('docker/registry/v2/new');
      const newer = await connect({ container: 'legacy' });
      await newer.probe();
      expect((await newer.head('docker/registry/v2/new')).size).toBe(22);
    });
  });

  it('says that a lease is in the way, and takes it for no rival', async () => {
    const store = await connect();
    const version = await store.put('leased/tag', bodyOf('old'));
    const lease = containerOf('registry').getBlockBlobClient('leased/tag').getBlobLeaseClient();
    await lease.acquireLease(60);
    const blocked = [
      store.put('leased/tag', bodyOf('new'), { version }),
      store.put('leased/tag', bodyOf('new')),
      store.remove('leased/tag', version),
    ];
    for (const each of blocked) {
      await expect(each).rejects.toThrow(StorageRefused);
      await expect(each).rejects.toThrow('break it');
    }
    await lease.releaseLease();
    await store.remove('leased/tag', version);
  });

  it('writes over what Distribution appended to', async () => {
    const store = await connect();
    const append = async (name: string) => {
      const blob = containerOf('registry').getAppendBlobClient(name);
      await blob.create();
      await blob.appendBlock('appended', 8);
      return store.head(name);
    };
    const [a, b, c, d] = [
      await append('appended/a'),
      await append('appended/b'),
      await append('appended/c'),
      await append('appended/d'),
    ];
    expect(await text((await store.read('appended/a')).stream)).toBe('appended');
    await store.put('appended/a', bodyOf('put'));
    await expect(store.put('appended/b', bodyOf('x'), { version: a.version })).rejects.toThrow(
      ConditionFailed,
    );
    expect((await store.get('appended/b', { limit: 9 })).content.toString()).toBe('appended');
    await store.put('appended/b', bodyOf('put'), { version: b.version });
    await expect(store.put('appended/c', bodyOf('x'), 'absent')).rejects.toThrow(ConditionFailed);
    await store.join([d], 'appended/c');
    await store.join([d, d], 'appended/a');
    expect((await store.get('appended/b', { limit: 9 })).content.toString()).toBe('put');
    expect((await store.get('appended/c', { limit: 9 })).content.toString()).toBe('appended');
    expect((await store.get('appended/a', { limit: 16 })).content.toString()).toBe(
      'appendedappended',
    );
    expect(c.size).toBe(8);
  });

  it('gives addresses that clients without credentials read from', async () => {
    const store = await connect({
      accountname: undefined,
      accountkey: undefined,
      serviceurl: undefined,
      connectionstring: azurite().connectionString,
    });
    await store.put('to be/read', bodyOf('0123456789'));
    const address = await store.addressOf('to be/read', { method: 'GET' });
    expect(store.hasAddresses).toBe(true);
    const part = await fetch(address ?? '', { headers: { range: 'bytes=2-4' } });
    expect([part.status, await part.text()]).toEqual([206, '234']);
    expect((await fetch(address ?? '', { method: 'HEAD' })).headers.get('content-length')).toBe(
      '10',
    );
    const other = (address ?? '').replace('to%20be/read', 'large');
    expect((await fetch(other)).status).toBe(403);
    expect((await fetch(address ?? '', { method: 'PUT' })).ok).toBe(false);
  });

  it('works by a shared access signature, which gives no addresses', async () => {
    const sas = generateBlobSASQueryParameters(
      {
        containerName: 'registry',
        expiresOn: new Date(Date.now() + 3_600_000),
        permissions: ContainerSASPermissions.parse('rwdlac'),
      },
      new StorageSharedKeyCredential(azurite().accountName, azurite().accountKey),
    ).toString();
    const store = await connect({
      accountname: undefined,
      accountkey: undefined,
      serviceurl: undefined,
      rootdirectory: 'signed',
      connectionstring: `BlobEndpoint=${azurite().endpoint};SharedAccessSignature=${sas}`,
    });
    expect(await store.probe()).toEqual(everything);
    await store.put('a', bodyOf('first '));
    await store.put('b', bodyOf('second'));
    await store.join([await store.head('a'), await store.head('b')], 'joined');
    expect((await store.get('joined', { limit: 99 })).content.toString()).toBe('first second');
    expect(store.hasAddresses).toBe(false);
    expect(await store.addressOf('joined', { method: 'GET' })).toBeUndefined();
  });

  it('sweeps blocks of uploads that were never completed', async () => {
    const store = await connect({ rootdirectory: 'swept' });
    const key = 'holdfast/v1/uploads/session/0000';
    const draft = await store.begin(key, 'a writer');
    await store.add(draft, 1, bodyOf('never completed'));
    const completed = await store.begin(`${key}-done`, 'another writer');
    const piece = await store.add(completed, 1, bodyOf('done'));
    await store.complete(completed, [piece]);
    const sweep = async (before: number, dryRun = false) => {
      const names: string[] = [];
      for await (const name of store.sweep(before, { dryRun })) names.push(name);
      return names;
    };
    const soon = Date.now() + 60_000;
    expect(await sweep(Date.now() - 60_000)).toEqual([]);
    expect(await sweep(soon, true)).toEqual([key]);
    expect(await sweep(soon)).toEqual([key]);
    expect(await sweep(soon)).toEqual([]);
    expect((await store.list('holdfast/')).objects).toMatchObject([{ key: `${key}-done` }]);
  });

  describe('what cannot work', () => {
    it.each([
      ['another container', { container: 'nowhere' }, 'correct storage.azure.container'],
      ['another key', { accountkey: 'bm9ib2R5' }, 'storage.azure.accountname, accountkey'],
    ])('is refused with the key to correct: %s', async (_what, settings, message) => {
      const store = await connect(settings);
      const error: unknown = await store.probe().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(StorageRefused);
      expect(String(error)).toContain(message);
      expect(String(error)).not.toContain('bm9ib2R5');
      expect(String(error)).not.toContain('\n');
      await expect(store.head('a')).rejects.toBeInstanceOf(StorageRefused);
    });
  });
});
