import { open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { expect, it } from '@jest/globals';

import { FilesystemDriver } from '#storage/filesystem/filesystem-driver.js';
import { PathNotFound } from '#storage/storage-driver.js';

import { RegistryClient } from '../support/registry-client.js';
import { describePrivileged } from './describe-privileged.js';
import { Disk, type DiskOptions } from './disk.js';
import { commitPath } from './held-request.js';
import { digestOf, HttpPusher, locationOf } from './http-pusher.js';
import { serve } from './processes/serve.js';
import { inspect } from './registry-folder.js';
import { withFolder } from './with-folder.js';

type FileSystem = DiskOptions['type'];

const repository = 'full/disk';
const old = Buffer.from('an old layer');
const large = Buffer.alloc(8 * 1024 * 1024, 'large');

/** Takes all space there is. */
async function fill(file: string): Promise<void> {
  const handle = await open(file, 'w');
  const block = Buffer.alloc(64 * 1024, 'x');
  try {
    for (let size = block.length; size >= 512;) {
      try {
        await handle.write(block, 0, size);
      } catch {
        size >>= 1;
      }
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

describePrivileged('mount', ['mkfs.ext4', 'mount'], 'D1 a full disk', () => {
  it('is told with 503, leaves what was there, and an upload goes on when there is space', async () => {
    await withFolder(async (folder) => {
      const disk = await Disk.create(folder, { type: 'ext4', mebibytes: 64 });
      const root = join(disk.mountPoint, 'data');
      const { close, url } = await serve({ rootdirectory: root });
      try {
        const client = new RegistryClient(url);
        const pusher = new HttpPusher(url, repository);
        for (const blob of [Buffer.from('{}'), old, Buffer.from('new')]) {
          await pusher.pushWhole(blob);
        }
        const tagged = await pusher.setTag('tag', old);
        const first = large.subarray(0, 1_000_000);
        const begun = await client.request('POST', `/v2/${repository}/blobs/uploads/`);
        const location = locationOf(begun.headers.get('location'));
        const chunk = { headers: { 'content-type': 'application/octet-stream' } };
        const part = await client.request('PATCH', location, { ...chunk, body: first });
        const next = locationOf(part.headers.get('location'));

        await fill(join(disk.mountPoint, 'filler'));
        const rest = large.subarray(first.length);
        const refusals = [
          await client.request('PATCH', next, { ...chunk, body: rest }),
          await client.request('PUT', commitPath(next, large), { ...chunk, body: rest }),
          await client.request('PUT', `/v2/${repository}/manifests/tag`, {
            headers: { 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
            body: HttpPusher.manifestOf(Buffer.from('new')).body,
          }),
        ];
        expect(refusals.map(({ status }) => status)).toEqual([503, 503, 503]);
        for (const { body } of refusals) {
          expect(JSON.parse(body.toString())).toMatchObject({ errors: [{ code: 'UNAVAILABLE' }] });
        }
        const manifest = await client.manifest(repository, 'tag');
        expect(manifest.headers.get('docker-content-digest')).toBe(tagged);
        expect((await client.blob(repository, digestOf(old))).body).toEqual(old);
        const status = await client.request('GET', next);
        expect(status.headers.get('range')).toBe(`0-${first.length - 1}`);

        await rm(join(disk.mountPoint, 'filler'));
        const resumed = await client.request('PATCH', locationOf(status.headers.get('location')), {
          ...chunk,
          body: rest,
        });
        expect(resumed.status).toBe(202);
        const end = locationOf(resumed.headers.get('location'));
        expect((await client.request('PUT', commitPath(end, large))).status).toBe(201);
        const pulled = await client.blob(repository, digestOf(large));
        expect(large.equals(pulled.body)).toBe(true);
        await pusher.setTag('tag', Buffer.from('new'));
        expect(await inspect(root)).toMatchObject({ corrupt: [], dangling: [], empty: [] });
      } finally {
        await close();
        await disk.remove();
      }
    });
  }, 60_000);

  it('still lets content be deleted, and a registry start', async () => {
    await withFolder(async (folder) => {
      const disk = await Disk.create(folder, { type: 'ext4', mebibytes: 64 });
      const { close, url } = await serve({ rootdirectory: join(disk.mountPoint, 'data') });
      try {
        const pusher = new HttpPusher(url, repository);
        await pusher.pushWhole(Buffer.from('{}'));
        await pusher.pushWhole(old);
        await pusher.setTag('tag', old);
        await fill(join(disk.mountPoint, 'filler'));
        await pusher.delete('tag');
        const next = await serve({ rootdirectory: join(disk.mountPoint, 'data') });
        expect((await new RegistryClient(next.url).blob(repository, digestOf(old))).status).toBe(
          200,
        );
        await next.close();
        expect((await new RegistryClient(url).manifest(repository, 'tag')).status).toBe(404);
      } finally {
        await close();
        await disk.remove();
      }
    });
  }, 60_000);

  it.each<FileSystem>(['ext4', 'xfs'])(
    'lets a manifest be deleted with its tags on %s',
    async (type) => {
      await withFolder(async (folder) => {
        const disk = await Disk.create(folder, { type, mebibytes: type === 'xfs' ? 320 : 64 });
        const { close, url } = await serve({ rootdirectory: join(disk.mountPoint, 'data') });
        try {
          const pusher = new HttpPusher(url, repository);
          await pusher.pushWhole(Buffer.from('{}'));
          await pusher.pushWhole(old);
          const tags = Array.from({ length: 12 }, (_, index) => `tag-${index}`);
          for (const tag of tags) await pusher.setTag(tag, old);
          await pusher.setTag('kept', Buffer.from('{}'));
          await fill(join(disk.mountPoint, 'filler'));
          await pusher.delete(HttpPusher.manifestOf(old).digest);
          const client = new RegistryClient(url);
          const listed = await client.request('GET', `/v2/${repository}/tags/list`);
          expect(JSON.parse(listed.body.toString())).toEqual({ name: repository, tags: ['kept'] });
          for (const tag of tags) {
            expect((await client.manifest(repository, tag)).status).toBe(404);
          }
        } finally {
          await close();
          await disk.remove();
        }
      });
    },
    60_000,
  );

  it('loses also what a dead process held while it compared', async () => {
    await withFolder(async (folder) => {
      const disk = await Disk.create(folder, { type: 'ext4', mebibytes: 64 });
      try {
        const rootdirectory = join(disk.mountPoint, 'data');
        const driver = await FilesystemDriver.connect({ rootdirectory });
        const [removed, compared] = ['/removed/link', '/compared/link'] as const;
        await driver.put([removed, compared].map((path) => ({ path, content: old })));
        for (const path of [removed, compared]) {
          await holdForEver(rootdirectory, path);
          await driver.removeFolder(dirname(path)); // So that to give it back would take space.
        }
        await fill(join(disk.mountPoint, 'filler'));
        expect(await driver.get(removed, { limit: 99 })).toEqual(old);
        await driver.remove(removed);
        expect(await driver.removeIf(compared, old)).toBe(true);
        for (const path of [removed, compared]) {
          await expect(driver.get(path, { limit: 99 })).rejects.toBeInstanceOf(PathNotFound);
        }
      } finally {
        await disk.remove();
      }
    });
  }, 60_000);
});

/** As a process leaves a file that died between moving it away and removing it. */
async function holdForEver(rootdirectory: string, path: string): Promise<void> {
  const held = Promise.withResolvers<void>();
  const driver = await FilesystemDriver.connect({
    rootdirectory,
    onStep: (step) => {
      if (!step.startsWith('remove ')) return undefined;
      held.resolve();
      return new Promise(() => {});
    },
  });
  void driver.removeIf(path, old);
  await held.promise;
}
