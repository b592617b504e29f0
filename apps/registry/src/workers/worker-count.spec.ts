import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterEach, describe, expect, it } from '@jest/globals';

import { configSchema } from '../config.js';
import { availableCores, workerCount } from './worker-count.js';

const folders: string[] = [];
afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })));
});

async function machine(files: Record<string, string>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'cores-'));
  folders.push(root);
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
  return root;
}

const configured = (keys: Record<string, unknown>) =>
  configSchema.parse({ version: '0.1', ...keys });

describe('workerCount', () => {
  it.each([
    [0.5, 1],
    [1, 1],
    [1.9, 1],
    [2, 2],
    [7.5, 7],
  ])('makes of %p cores %p workers', (cores, workers) => {
    expect(workerCount(configured({}), () => cores)).toBe(workers);
  });

  it('is http.workers where that is set', () => {
    expect(workerCount(configured({ http: { workers: 3 } }), () => 1)).toBe(3);
  });

  it('is one with storage in memory, whatever is set', () => {
    const keys = { http: { workers: 3 }, storage: { inmemory: {} } };
    expect(workerCount(configured(keys), () => 8)).toBe(1);
  });
});

describe('availableCores', () => {
  it.each<[string, Record<string, string>, number]>([
    ['no groups', {}, 8],
    ['version 2 without a quota', { 'sys/fs/cgroup/cpu.max': 'max 100000\n' }, 8],
    ['version 2 with half a core', { 'sys/fs/cgroup/cpu.max': '50000 100000\n' }, 0.5],
    ['version 2 beyond the cores', { 'sys/fs/cgroup/cpu.max': '1600000 100000\n' }, 8],
    [
      'version 2 in a group above its own',
      {
        'proc/self/cgroup': '0::/pods/pod7/registry\n',
        'sys/fs/cgroup/pods/pod7/cpu.max': '250000 100000\n',
        'sys/fs/cgroup/pods/pod7/registry/cpu.max': 'max 100000\n',
      },
      2.5,
    ],
    [
      'version 1',
      {
        'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '150000\n',
        'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      },
      1.5,
    ],
    [
      'version 1 without a quota',
      {
        'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
        'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      },
      8,
    ],
    [
      'version 1 in its own group',
      {
        'proc/self/cgroup': '5:memory:/m\n4:cpu,cpuacct:/docker/7f\n',
        'sys/fs/cgroup/cpu,cpuacct/docker/7f/cpu.cfs_quota_us': '200000\n',
        'sys/fs/cgroup/cpu,cpuacct/docker/7f/cpu.cfs_period_us': '100000\n',
      },
      2,
    ],
    ['nonsense', { 'sys/fs/cgroup/cpu.max': 'x y z' }, 8],
  ])('reads %s', async (_what, files, cores) => {
    expect(availableCores(await machine(files), 8)).toBe(cores);
  });
});
