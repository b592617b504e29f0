import { mkdir, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, it, jest } from '@jest/globals';

import { startHoldfast } from '../support/holdfast.js';
import { randomImage } from '../support/random-image.js';
import { digestOf } from '../support/registry-api.js';
import { RegistryClient } from '../support/registry-client.js';
import { treeHash } from '../support/tree-hash.js';
import { describePrivileged } from './describe-privileged.js';
import { Disk } from './disk.js';
import { withFolder } from './with-folder.js';

jest.setTimeout(120_000);

const name = 'library/app';
const readonly = { maintenance: { readonly: { enabled: true } } };

describePrivileged('mount', ['mkfs.ext4', 'mount'], 'a volume that is mounted read-only', () => {
  async function withVolume(action: (volume: Disk, root: string) => Promise<void>): Promise<void> {
    await withFolder(async (folder) => {
      const volume = await Disk.create(folder, { type: 'ext4', mebibytes: 64 });
      try {
        const root = join(volume.mountPoint, 'data');
        await mkdir(root);
        await action(volume, root);
      } finally {
        await volume.remove();
      }
    });
  }

  it.each([
    ['Distribution', ['holdfast']],
    ['Holdfast', []],
  ])('is served as %s left it, with storage.maintenance.readonly', async (_whose, removed) => {
    await withVolume(async (volume, root) => {
      const image = randomImage();
      const writer = await startHoldfast({ root });
      await new RegistryClient(writer.url).push(name, 'latest', image);
      await writer.stop();
      for (const folder of removed) await rm(join(root, folder), { recursive: true });
      const before = await treeHash(root);
      await volume.remount('ro');

      const mirror = await startHoldfast({
        root,
        config: { storage: readonly, http: { workers: 2 } },
      });
      try {
        const client = new RegistryClient(mirror.url);
        expect(await client.differences(name, image)).toEqual([]);
        expect(await client.tags(name)).toEqual(['latest']);
        expect(await client.repositories()).toEqual([name]);
        const missing = digestOf(Buffer.from('missing'));
        const answers = await Promise.all([
          client.blob(name, missing),
          client.manifest(name, 'missing'),
          client.request('GET', `/v2/${name}/referrers/${image.root.digest}`),
          client.request('POST', `/v2/${name}/blobs/uploads/`),
          client.request('GET', '/readyz'),
        ]);
        expect(answers.map(({ status }) => status)).toEqual([404, 404, 200, 405, 200]);
        expect(mirror.output).not.toMatch(/level=(error|warn)/);
      } finally {
        expect(await mirror.stop()).toEqual({ code: 0, signal: null });
      }
      expect(await treeHash(root)).toBe(before);
    });
  });

  it('tells of a damaged blob', async () => {
    await withVolume(async (volume, root) => {
      const image = randomImage();
      const writer = await startHoldfast({ root });
      await new RegistryClient(writer.url).push(name, 'latest', image);
      await writer.stop();
      const [digest = ''] = [...image.blobs.keys()].filter((each) => each !== image.root.digest);
      const hex = digest.slice('sha256:'.length);
      const blob = join(root, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
      await truncate(blob, 1);
      await volume.remount('ro');
      const mirror = await startHoldfast({ root, config: { storage: readonly } });
      try {
        const client = new RegistryClient(mirror.url);
        expect((await client.manifest(name, 'latest')).status).toBe(200);
        expect((await client.blob(name, digest)).status).toBe(500);
        expect((await client.request('HEAD', `/v2/${name}/blobs/${digest}`)).status).toBe(404);
      } finally {
        await mirror.stop();
      }
    });
  });

  it.each(['', 'not/there/yet'])('is refused as read-only without that, at %j', async (below) => {
    await withVolume(async (volume, root) => {
      await volume.remount('ro');
      const start = startHoldfast({ root: join(root, below) });
      await expect(start).rejects.toThrow(
        /storage.filesystem.rootdirectory: the file system is read-only; .*storage.maintenance.readonly.enabled/,
      );
    });
  });
});
