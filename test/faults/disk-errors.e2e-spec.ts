import { rename } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from '@jest/globals';

import { RunningProcess } from '../support/process.js';
import { RegistryClient } from '../support/registry-client.js';
import { describePrivileged } from './describe-privileged.js';
import { Disk } from './disk.js';
import { digestOf, HttpPusher } from './http-pusher.js';
import { serve } from './processes/serve.js';
import { inspect } from './registry-folder.js';
import { RegistryProcess } from './registry-process.js';
import { withFolder } from './with-folder.js';

const repository = 'some/repository';
const old = Buffer.alloc(700_000, 'an old layer');
const fresh = Buffer.alloc(700_000, 'a new layer');

/** Pushes an image that a registry on the folder has from then on. */
async function prepare(url: string): Promise<string> {
  const pusher = new HttpPusher(url, repository);
  await pusher.pushWhole(Buffer.from('{}'));
  await pusher.pushWhole(old);
  return pusher.setTag('tag', old);
}

/** The status of a request, or that it had no whole answer. */
const outcome = (action: Promise<{ readonly status: number }>) =>
  action.then(({ status }) => status).catch(() => 'no answer');

/** Whether a push was refused with a status of the server's own fault, or cut off. */
async function refusal(action: Promise<unknown>): Promise<string> {
  return action.then(
    () => 'accepted',
    (error: unknown) => (/: 5\d\d |NoAnswer/.test(String(error)) ? 'refused' : String(error)),
  );
}

/** A registry on the folder; from now on these calls to the kernel fail, and do nothing. */
async function startFaulty(folder: string, strace: string, calls: string) {
  const registry = await RegistryProcess.start(folder);
  const faults = ['-e', `trace=${calls}`, '-e', `inject=${calls}:error=EIO`];
  const args = ['-f', '-p', String(registry.process.pid), '-o', '/dev/null', ...faults];
  const injector = await RunningProcess.start(strace, args);
  await injector.waitForLine(/ attached/);
  const kill = async () => {
    await registry.kill();
    await injector.stop();
  };
  return { url: registry.url, kill };
}

describePrivileged('ptrace', ['strace'], 'D2 a disk with errors', (paths) => {
  it.each([
    ['fsync', 'fsync,fdatasync'],
    ['write', 'pwritev,pwrite64,pwritev2'],
    ['link', 'link,linkat'],
    ['rename', 'rename,renameat,renameat2'],
  ])(
    'in %s: no push is acknowledged, and none of it is trusted later',
    async (_name, calls) => {
      await withFolder(async (folder) => {
        const first = await serve({ rootdirectory: folder });
        const tagged = await prepare(first.url);
        await first.close();
        const faulty = await startFaulty(folder, paths.strace, calls);
        try {
          const pusher = new HttpPusher(faulty.url, repository);
          expect(await refusal(pusher.pushInParts(fresh))).toBe('refused');
          expect(await refusal(pusher.pushWhole(fresh))).toBe('refused');
          // The layer is the old one, so that only what this push writes can fail.
          const client = new RegistryClient(faulty.url);
          expect(await outcome(client.blob(repository, digestOf(old)))).toBe(200);
        } finally {
          await faulty.kill();
        }
        expect(await inspect(folder)).toMatchObject({ corrupt: [], dangling: [], empty: [] });
        const { close, url } = await serve({ rootdirectory: folder });
        try {
          const manifest = await new RegistryClient(url).manifest(repository, 'tag');
          expect(manifest.headers.get('docker-content-digest')).toBe(tagged);
          const pusher = new HttpPusher(url, repository);
          await pusher.pushInParts(fresh);
          await pusher.setTag('tag', fresh);
        } finally {
          await close();
        }
      });
    },
    60_000,
  );

  it('in read and readdir: never a short answer that looks whole', async () => {
    await withFolder(async (folder) => {
      const first = await serve({ rootdirectory: folder });
      await prepare(first.url);
      await first.close();
      const calls = 'pread64,preadv,preadv2,getdents64';
      const faulty = await startFaulty(folder, paths.strace, calls);
      try {
        const client = new RegistryClient(faulty.url);
        const answers = [
          await outcome(client.blob(repository, digestOf(old))),
          await outcome(client.manifest(repository, 'tag')),
          await outcome(client.request('GET', `/v2/${repository}/tags/list`)),
        ];
        for (const answer of answers) expect([500, 503, 'no answer']).toContain(answer);
      } finally {
        await faulty.kill();
      }
    });
  }, 60_000);
});

describe('D7 a root directory that', () => {
  it('vanishes: 503 for everything, nothing is made in its place, and all is well when it is back', async () => {
    await withFolder(async (folder) => {
      const root = join(folder, 'data');
      const { close, url } = await serve({ rootdirectory: root });
      try {
        const tagged = await prepare(url);
        const client = new RegistryClient(url);
        await rename(root, join(folder, 'elsewhere'));
        const pusher = new HttpPusher(url, repository);
        await expect(pusher.pushWhole(fresh)).rejects.toThrow(': 503 ');
        await expect(pusher.setTag('tag', fresh)).rejects.toThrow(/: (503|4\d\d) /);
        expect((await client.blob(repository, digestOf(old))).status).toBe(503);
        await rename(join(folder, 'elsewhere'), root);
        const manifest = await client.manifest(repository, 'tag');
        expect(manifest.headers.get('docker-content-digest')).toBe(tagged);
        await pusher.pushWhole(fresh);
        await pusher.setTag('tag', fresh);
      } finally {
        await close();
      }
    });
  }, 60_000);
});

describePrivileged('mount', ['mkfs.ext4', 'mount'], 'D7 a disk that is remounted', () => {
  it('read-only: reads go on, writes are 503, and work again when it is writable', async () => {
    await withFolder(async (folder) => {
      const disk = await Disk.create(folder, { type: 'ext4', mebibytes: 64 });
      const root = join(disk.mountPoint, 'data');
      const { close, url } = await serve({ rootdirectory: root });
      try {
        const tagged = await prepare(url);
        const client = new RegistryClient(url);
        const pusher = new HttpPusher(url, repository);
        await disk.remount('ro');
        expect((await client.blob(repository, digestOf(old))).body.equals(old)).toBe(true);
        const manifest = await client.manifest(repository, 'tag');
        expect(manifest.headers.get('docker-content-digest')).toBe(tagged);
        await expect(pusher.pushWhole(fresh)).rejects.toThrow(': 503 ');
        await expect(pusher.delete('tag')).rejects.toThrow(': 503 ');
        await disk.remount('rw');
        await pusher.pushWhole(fresh);
        await pusher.setTag('tag', fresh);
        expect(await inspect(root)).toMatchObject({ corrupt: [], dangling: [], empty: [] });
      } finally {
        await close();
        await disk.remove();
      }
    });
  }, 60_000);
});
