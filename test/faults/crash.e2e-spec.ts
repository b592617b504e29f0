import { describe, expect, it } from '@jest/globals';

import { FilesystemDriver } from '#storage/filesystem/filesystem-driver.js';

import { inTwos } from './in-twos.js';
import { leftovers } from './registry-folder.js';
import { processFile } from './registry-process.js';
import { tryRunToEnd } from './run-to-end.js';
import { type Scenario, scenarios } from './storage-scenarios.js';
import { withFolder } from './with-folder.js';

/** What a process printed that acted out a scenario until it was done or died. */
async function actIn(folder: string, scenario: Scenario, dieAt?: number): Promise<string> {
  const args = [folder, scenario.name, ...(dieAt === undefined ? [] : [String(dieAt)])];
  return tryRunToEnd(process.execPath, [processFile('storage'), ...args]);
}

describe('A2, D8: a process that is killed before any step of a write to a disk', () => {
  it.each(scenarios.map((scenario) => [scenario.name, scenario] as const))(
    '%s: old or new, and done when it is tried again, with nothing left over',
    async (_name, scenario) => {
      const steps = await withFolder(async (folder) => {
        await scenario.prepare(await connect(folder), folder);
        const output = await actIn(folder, scenario);
        expect(output).toContain('acted');
        return output.split('\n').filter((line) => line.startsWith('step ')).length;
      });
      expect(steps).toBeGreaterThan(1);
      const each = Array.from({ length: steps }, (_, index) => index + 1);
      const problems = await inTwos(each, (step) => dieAndTryAgain(scenario, step));
      expect(problems.flat()).toEqual([]);
    },
    60_000,
  );
});

async function dieAndTryAgain(scenario: Scenario, step: number): Promise<readonly string[]> {
  return withFolder(async (folder) => {
    await scenario.prepare(await connect(folder), folder);
    const output = await actIn(folder, scenario, step);
    const problems: string[] = output.includes('acted') ? ['it did not die'] : [];
    const driver = await connect(folder);
    problems.push(...(await scenario.problems(driver)));
    await scenario.act(driver);
    if (!(await scenario.isDone(driver))) problems.push('it is not done');
    for await (const path of driver.uploads.sweep(Date.now() + 60_000, { dryRun: false })) {
      if (path.startsWith('/docker')) problems.push(`swept ${path}`);
    }
    problems.push(...(await leftovers(folder)).map((path) => `left over: ${path}`));
    if (!(await scenario.isDone(driver))) problems.push('the sweep undid it');
    return problems.map((problem) => `step ${step}: ${problem}\n${output}`);
  });
}

const connect = (rootdirectory: string) => FilesystemDriver.connect({ rootdirectory });
