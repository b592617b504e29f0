import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

import type { Config } from '../config.js';

/** How many processes answer: `http.workers`, else one for each whole core that this process may use. */
export function workerCount(
  { http, storage }: Pick<Config, 'http' | 'storage'>,
  cores: () => number = availableCores,
): number {
  // What one process keeps in its memory no other can answer.
  if (storage.driver.driver === 'inmemory') return 1;
  return http.workers ?? Math.max(1, Math.floor(cores()));
}

/** Cores by CPU affinity and by the quota of the control group, of either version; a quota may be a fraction. */
export function availableCores(root = '/', parallelism = availableParallelism()): number {
  const quotas = groupFolders(root).flatMap((folder) => quotaOf(folder) ?? []);
  return Math.min(parallelism, ...quotas);
}

/** The group of this process and those above it; within a container the first is what it sees as the root. */
function groupFolders(root: string): string[] {
  const mounts = join(root, 'sys/fs/cgroup');
  const folders = [mounts, join(mounts, 'cpu'), join(mounts, 'cpu,cpuacct')];
  for (const line of (readText(join(root, 'proc/self/cgroup')) ?? '').split('\n')) {
    const [, controllers = '', path = ''] = line.split(':');
    if (controllers !== '' && !controllers.split(',').includes('cpu')) continue;
    const mount = controllers === '' ? mounts : join(mounts, controllers);
    const steps = path.split('/').filter(Boolean).slice(0, 20);
    folders.push(...steps.map((_step, index) => join(mount, ...steps.slice(0, index + 1))));
  }
  return folders;
}

function quotaOf(folder: string): number | undefined {
  const [quota, period] =
    readText(join(folder, 'cpu.max'))?.split(' ') ??
    ['cfs_quota_us', 'cfs_period_us'].map((name) => readText(join(folder, `cpu.${name}`)));
  const cores = Number(quota) / Number(period);
  return cores > 0 && Number.isFinite(cores) ? cores : undefined;
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
