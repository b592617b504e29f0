import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { describe, expect, it } from '@jest/globals';

import { FilesystemDriver } from '#storage/filesystem/filesystem-driver.js';
import { PathNotFound } from '#storage/storage-driver.js';
import { Seeded } from '#storage/testing/seeded.js';

import { RunningProcess } from '../support/process.js';
import { describePrivileged } from './describe-privileged.js';
import { Disk, type DiskOptions } from './disk.js';
import { pause } from './pause.js';
import { broken, type LoadEvent } from './power-loss-load.js';
import type { Plant } from './processes/plants.js';
import { processFile } from './registry-process.js';
import { withFolder } from './with-folder.js';

const losses = Number(process.env['HOLDFAST_POWER_LOSSES'] ?? 12);

interface Outcome {
  readonly acknowledged: number;
  readonly problems: readonly string[];
}

/** Writes, takes the power away at a random moment, and reads what was promised, again and again on one disk. */
async function loseOften(type: DiskOptions['type'], times: number, bug?: Plant): Promise<Outcome> {
  return withFolder(async (folder) => {
    const disk = await Disk.create(folder, { type, mebibytes: type === 'xfs' ? 320 : 128 });
    const problems: string[] = [];
    let acknowledged = 0;
    try {
      for (let turn = 1; turn <= times; turn++) {
        const root = join(disk.mountPoint, String(turn));
        const events = await loadAndLose(disk, { root, seed: turn, bug });
        await disk.unmount();
        await disk.mount();
        const driver = await FilesystemDriver.connect({ rootdirectory: root });
        acknowledged += events.filter(({ state }) => state === 'done').length;
        problems.push(...(await broken(driver, events)).map((problem) => `${turn}: ${problem}`));
        await rm(root, { recursive: true });
        if (bug !== undefined && problems.length > 0) break;
      }
    } finally {
      await disk.remove();
    }
    return { acknowledged, problems };
  });
}

async function loadAndLose(
  disk: Disk,
  { root, seed, bug }: { root: string; seed: number; bug: Plant | undefined },
): Promise<readonly LoadEvent[]> {
  const log = join(`${disk.mountPoint}-logs`, String(seed));
  await mkdir(dirname(log), { recursive: true });
  await writeFile(log, '');
  const args = [processFile('load'), root, String(seed), log, ...(bug ? [bug] : [])];
  const child = await RunningProcess.start(process.execPath, args);
  try {
    const enough = 5 + new Seeded(seed).below(60);
    await child.waitUntil(`${enough} promises`, async () => (await eventsIn(log)).length > enough);
    await pause(child);
    await disk.losePower();
  } finally {
    child.signal('SIGKILL');
    await child.exited;
  }
  return eventsIn(log);
}

/** What is left of a file that was removed after a comparison, when another write's fsync came between the two steps of it. */
async function loseAfterRemoval(type: DiskOptions['type']): Promise<string> {
  return withFolder(async (folder) => {
    const disk = await Disk.create(folder, { type, mebibytes: type === 'xfs' ? 320 : 128 });
    try {
      const rootdirectory = join(disk.mountPoint, 'data');
      const path = '/tags/tag/current/link';
      const content = Buffer.from('old');
      const other = await FilesystemDriver.connect({ rootdirectory });
      const driver = await FilesystemDriver.connect({
        rootdirectory,
        onStep: async (step) => {
          if (step.startsWith('remove ')) await other.put([{ path: '/other/link', content }]);
        },
      });
      await driver.put([{ path, content }]);
      expect(await driver.removeIf(path, content)).toBe(true);
      await disk.losePower();
      await disk.unmount();
      await disk.mount();
      const after = await FilesystemDriver.connect({ rootdirectory });
      expect(await after.get('/other/link', { limit: 9 })).toEqual(content);
      return await after.get(path, { limit: 9 }).then(String, nothingIfNotFound);
    } finally {
      await disk.remove();
    }
  });
}

function nothingIfNotFound(error: unknown): string {
  if (error instanceof PathNotFound) return 'nothing';
  throw error;
}

async function eventsIn(log: string): Promise<readonly LoadEvent[]> {
  const lines = (await readFile(log, 'utf8')).split('\n');
  // The last one may still be on its way.
  return lines.slice(0, -1).map((line) => JSON.parse(line) as LoadEvent);
}

describePrivileged('mount', ['xfs_io', 'mkfs.ext4', 'mkfs.xfs', 'mount'], 'D3 power loss', () => {
  describe.each(['ext4', 'xfs'] as const)('on %s', (type) => {
    it('loses nothing that was acknowledged', async () => {
      const { acknowledged, problems } = await loseOften(type, losses);
      expect(problems).toEqual([]);
      expect(acknowledged).toBeGreaterThan(losses * 3);
      process.stdout.write(`D3 ${type}: 0 of ${acknowledged} lost in ${losses} power losses\n`);
    }, 3_600_000);

    it('does not bring back what was removed after a comparison', async () => {
      expect(await loseAfterRemoval(type)).toBe('nothing');
    }, 120_000);

    it.each(['no-file-sync', 'no-folder-sync'] as const)(
      'would see a driver that has the bug %s',
      async (bug) => {
        const { problems } = await loseOften(type, 20, bug);
        expect(problems).not.toEqual([]);
      },
      120_000,
    );
  });
});
