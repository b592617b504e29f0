import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { expect, it } from '@jest/globals';

import { type Exchange, exchange } from '../support/exchange.js';
import { startHoldfast } from '../support/holdfast.js';
import { run } from '../support/process.js';
import { until } from '../support/until.js';
import { describePrivileged } from './describe-privileged.js';
import { Disk } from './disk.js';
import { commitPath } from './held-request.js';
import { locationOf } from './http-pusher.js';
import { withFolder } from './with-folder.js';

const MiB = 1024 * 1024;
const count = 300;
const size = MiB;
const repository = 'standing/disk';

/** Bytes of memory that a process has. */
async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** A body that trickles, so that nobody takes its sender for dead, and comes at once when it is told. */
async function* inHaste(bytes: Buffer, { told }: { told: () => boolean }): AsyncGenerator<Buffer> {
  let sent = 0;
  for (; !told() && sent < bytes.length; sent += 1024) {
    yield bytes.subarray(sent, sent + 1024);
    await delay(100);
  }
  yield bytes.subarray(sent);
}

describePrivileged('mount', ['mkfs.ext4', 'mount', 'fsfreeze'], 'A disk that stands still', () => {
  it('holds uploads up, in little memory, and fails none', async () => {
    await withFolder(async (folder) => {
      const disk = await Disk.create(folder, { type: 'ext4', mebibytes: 512 });
      const root = join(disk.mountPoint, 'data');
      const registry = await startHoldfast({
        root,
        config: { http: { workers: 1, limits: { stalltimeout: '2s', stallbytes: 1 } } },
      });
      try {
        let isFrozen = false;
        const answers: Exchange[] = [];
        const push = async (index: number): Promise<void> => {
          const begun = await exchange(registry.url, `/v2/${repository}/blobs/uploads/`, {
            method: 'POST',
          });
          const content = Buffer.alloc(size, String(index));
          const path = commitPath(locationOf(begun.headers.location ?? null), content);
          const body = inHaste(content, { told: () => isFrozen });
          const headers = { 'content-length': String(size) };
          answers.push(await exchange(registry.url, path, { method: 'PUT', headers, body }));
        };
        const pushes = Promise.all(Array.from({ length: count }, (_, index) => push(index)));
        await until('every upload to have its file', async () => {
          const names = await readdir(join(root, 'holdfast/v1/uploads'), { recursive: true });
          return names.filter((name) => name.includes('.open.')).length === count;
        });

        await run('fsfreeze', ['-f', disk.mountPoint]);
        const before = await memoryOf(registry.pid);
        isFrozen = true;
        let most = 0;
        const began = performance.now();
        // Longer than a client that owes bytes would be waited for.
        await until('a while to pass', async () => {
          most = Math.max(most, await memoryOf(registry.pid));
          expect((await exchange(registry.url, '/v2/')).status).toBe(200);
          return performance.now() - began > 6_000;
        });
        expect(answers).toEqual([]);
        expect((most - before) / MiB).toBeLessThan(110);

        await run('fsfreeze', ['-u', disk.mountPoint]);
        await pushes;
        expect(answers.filter(({ status }) => status !== 201)).toEqual([]);
        expect(answers).toHaveLength(count);
        const digest = createHash('sha256').update(Buffer.alloc(size, '7')).digest('hex');
        const pulled = await exchange(registry.url, `/v2/${repository}/blobs/sha256:${digest}`);
        expect(pulled.body.equals(Buffer.alloc(size, '7'))).toBe(true);
        process.stdout.write(
          `${count} uploads held up: ${((most - before) / MiB).toFixed(0)} MiB\n`,
        );
      } finally {
        await run('fsfreeze', ['-u', disk.mountPoint]).catch(() => undefined);
        await registry.stop();
        await disk.remove();
      }
    });
  }, 120_000);
});
