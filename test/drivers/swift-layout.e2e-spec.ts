import { createHash, randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';

import { beforeAll, expect, it } from '@jest/globals';

import type { SwiftStore } from '#storage/swift/swift-store.js';
import { bodyOf } from '#storage/testing/object-bodies.js';

import { describeWith } from '../components/components.js';
import { PeerRegistry } from '../support/peer-registry.js';
import { RegistryClient } from '../support/registry-client.js';
import { swiftPrograms } from './swift-programs.js';
import { SwiftSuite } from './swift-suite.js';

const MiB = 1024 * 1024;

describeWith([...swiftPrograms, 'docker-registry'], 'a container of docker-registry', (tools) => {
  const suite = new SwiftSuite();
  const keys = { container: 'shared', prefix: '/a/team/', chunksize: MiB };
  let store: SwiftStore;
  beforeAll(async () => {
    store = suite.store(keys);
    await store.probe();
  });

  async function whileItServes<T>(work: (client: RegistryClient) => Promise<T>): Promise<T> {
    const { authUrl, user, key } = suite.server();
    const peer = await PeerRegistry.start(tools['docker-registry'], {
      swift: { authurl: authUrl, username: user, password: key, ...keys },
      redirect: { disable: true },
    });
    try {
      return await work(new RegistryClient(peer.url));
    } finally {
      await peer.stop();
    }
  }

  const segments = async () => {
    const { storageUrl, token } = await suite.server().login();
    const list = await fetch(`${storageUrl}/shared?prefix=a/team//segments/`, {
      headers: { 'x-auth-token': token },
    });
    return (await list.text()).trim().split('\n');
  };

  it('is read, listed and joined, and its segments stay', async () => {
    const bytes = randomBytes(3.5 * MiB);
    const digest = `sha256:${sha256(bytes)}`;
    await whileItServes(async (client) => {
      const started = await client.request('POST', '/v2/app/blobs/uploads/');
      const location = new URL(started.headers.get('location') ?? '', client.url);
      location.searchParams.set('digest', digest);
      const put = await client.request('PUT', location.href, { body: bytes });
      expect(put.status).toBe(201);
    });
    const key = dataKey(digest);
    const before = await segments();
    expect(before.length).toBeGreaterThanOrEqual(4);

    const head = await store.head(key);
    expect(head.size).toBe(bytes.length);
    const { objects } = await store.list(key);
    expect(objects).toEqual([head]);
    const part = await store.read(key, { start: MiB - 3, end: MiB + 3 }, head.version);
    expect((await buffer(part.stream)).equals(bytes.subarray(MiB - 3, MiB + 4))).toBe(true);
    const link = await store.get(linkKey('app', digest), { limit: 100 });
    expect(link.content.toString()).toBe(digest);

    await store.put('tail', bodyOf('tail'));
    await store.join([head, await store.head('tail')], 'joined');
    await store.remove(key);
    for await (const swept of store.sweep(Date.now() + 3_600_000, { dryRun: false })) {
      expect(swept).toBe('nothing');
    }
    expect(await segments()).toEqual(expect.arrayContaining(before));
    const joined = await buffer((await store.read('joined')).stream);
    expect(joined.equals(Buffer.concat([bytes, Buffer.from('tail')]))).toBe(true);
  });

  it('is read by it again after large objects were written here', async () => {
    const bytes = randomBytes(2.5 * MiB);
    const digest = `sha256:${sha256(bytes)}`;
    const draft = await store.begin(dataKey(digest), 'writer');
    const pieces = await Promise.all(
      [0, 1, 2].map((index) =>
        store.add(draft, index + 1, bodyOf(bytes.subarray(index * MiB, (index + 1) * MiB))),
      ),
    );
    await store.complete(draft, pieces, 'absent');
    await store.put(linkKey('ours', digest), bodyOf(digest), 'absent');
    await whileItServes(async (client) => {
      const answer = await client.blob('ours', digest);
      expect([answer.status, answer.body.equals(bytes)]).toEqual([200, true]);
    });
  });
});

function dataKey(digest: string): string {
  const hex = digest.slice(7);
  return `docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`;
}

function linkKey(repository: string, digest: string): string {
  return `docker/registry/v2/repositories/${repository}/_layers/sha256/${digest.slice(7)}/link`;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
