import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from '@jest/globals';

import { PathNotFound, type StorageDriver, StorageUnavailable } from '../storage-driver.js';
import { type RegisterCall, RegisterHistory } from '../testing/register-history.js';
import { FilesystemDriver } from './filesystem-driver.js';

const path = '/tags/tag/current/link';

/** Goes to sleep before one step, and wakes when it is told. */
class Sleeper {
  steps = 0;
  readonly sleeping: Promise<void>;
  #fallAsleep: () => void = () => {};
  #wake: () => void = () => {};
  readonly #woken: Promise<void>;

  constructor(private readonly atStep: number) {
    this.sleeping = new Promise((resolve) => (this.#fallAsleep = resolve));
    this.#woken = new Promise((resolve) => (this.#wake = resolve));
  }

  readonly onStep = async (): Promise<void> => {
    this.steps += 1;
    if (this.steps !== this.atStep) return;
    this.#fallAsleep();
    await this.#woken;
  };

  wake(): void {
    this.#fallAsleep();
    this.#wake();
  }
}

type Act = (driver: StorageDriver, history: RegisterHistory) => Promise<void>;

const acting =
  (call: RegisterCall): Act =>
  (driver, history) =>
    history.carryOut(driver, path, call);
const put = (value: string) => acting({ kind: 'put', value });
const removeIf = (value: string) => acting({ kind: 'removeIf', value, removed: true });
const remove = acting({ kind: 'remove' });
const get = acting({ kind: 'get', value: undefined });

/** What one process does in its sleep, and others meanwhile. */
const plays: readonly (readonly [string, Act, readonly Act[]])[] = [
  ['compares what stays', removeIf('x'), [put('y'), get, removeIf('z'), get]],
  ['compares what another removes', removeIf('x'), [removeIf('x'), get, put('z'), get]],
  ['compares what is put back', removeIf('x'), [put('y'), remove, get, put('x'), get]],
  ['removes', remove, [put('y'), removeIf('y'), get, put('z'), get]],
];

async function play(sleeperAct: Act, others: readonly Act[], atStep: number) {
  const rootdirectory = await mkdtemp(join(tmpdir(), 'holdfast-removal-'));
  try {
    const driver = await FilesystemDriver.connect({ rootdirectory });
    const history = new RegisterHistory();
    await put('x')(driver, history);
    const sleeping = new Sleeper(atStep);
    const asleep = await FilesystemDriver.connect({ rootdirectory, onStep: sleeping.onStep });
    const act = sleeperAct(asleep, history);
    await Promise.race([sleeping.sleeping, act]);
    for (const other of others) await other(driver, history);
    sleeping.wake();
    await act;
    await get(driver, history);
    const left = await readdir(join(rootdirectory, 'holdfast/v1/removing'));
    const problem = history.isLinearizable(undefined) ? '' : history.toString();
    return { steps: sleeping.steps, problem, left };
  } finally {
    await rm(rootdirectory, { recursive: true, force: true });
  }
}

const value = Buffer.from('x');
const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
const crash = new Error('the end');

/** Fails at such steps; only so often that who tries for ever shows. */
const failingAt = (error: Error, steps: RegExp) => {
  let left = 3;
  return async (step: string): Promise<void> => {
    if (steps.test(step) && left-- > 0) throw error;
  };
};
const removalOfHeld = /^remove (?!.* without a hold$)/;

async function withFile(
  test: (
    connect: (onStep?: (step: string) => Promise<void>) => Promise<StorageDriver>,
  ) => Promise<void>,
) {
  const rootdirectory = await mkdtemp(join(tmpdir(), 'holdfast-removal-'));
  try {
    const driver = await FilesystemDriver.connect({ rootdirectory });
    await driver.put([{ path, content: value }]);
    await test((onStep) => FilesystemDriver.connect({ rootdirectory, onStep }));
  } finally {
    await rm(rootdirectory, { recursive: true, force: true });
  }
}

describe('Comparing before removing', () => {
  it.each(plays)(
    'stays right when a process that %s sleeps before any step, and wakes when others are done',
    async (_name, act, others) => {
      const { steps } = await play(act, [], 0);
      expect(steps).toBeGreaterThan(3);
      const each = Array.from({ length: steps + 3 }, (_, index) => index + 1);
      const played = await Promise.all(each.map((step) => play(act, others, step)));
      expect(played.map(({ problem }) => problem).filter((problem) => problem !== '')).toEqual([]);
      expect(played.flatMap(({ left }) => left)).toEqual([]);
    },
    60_000,
  );

  it('tells of a full disk that refuses the removal itself, and the file is still there', async () => {
    await withFile(async (connect) => {
      const driver = await connect(failingAt(full, removalOfHeld));
      await expect(driver.removeIf(path, value)).rejects.toBeInstanceOf(StorageUnavailable);
      expect(await driver.get(path, { limit: 10 })).toEqual(value);
      const later = await connect();
      expect(await later.removeIf(path, value)).toBe(true);
      await expect(later.stat(path)).rejects.toBeInstanceOf(PathNotFound);
    });
  }, 30_000);

  it('does not say that nothing was removed when the disk is full after the removal', async () => {
    await withFile(async (connect) => {
      const driver = await connect(failingAt(full, /^release /));
      await expect(driver.removeIf(path, value)).rejects.toBeInstanceOf(StorageUnavailable);
    });
  });

  it('removes a file that a dead owner had begun to give back, under both its names', async () => {
    await withFile(async (connect) => {
      const live = await connect();
      const newer = Buffer.from('newer');
      const dies = await connect(async (step) => {
        if (step.startsWith('hold ')) await live.put([{ path, content: newer }]);
        if (step.startsWith('let go ')) throw crash;
      });
      await expect(dies.removeIf(path, value)).rejects.toBe(crash);
      expect(await live.get(path, { limit: 10 })).toEqual(newer);
      expect(await live.removeIf(path, newer)).toBe(true);
      await expect(live.get(path, { limit: 10 })).rejects.toBeInstanceOf(PathNotFound);
    });
  }, 30_000);

  it('tells of a full disk that does not let a dead owner be replaced', async () => {
    await withFile(async (connect) => {
      const driver = await connect(failingAt(full, /^acquire hold /));
      const dies = await connect(failingAt(crash, removalOfHeld));
      await expect(dies.removeIf(path, value)).rejects.toBe(crash);
      await expect(driver.removeIf(path, value)).rejects.toBeInstanceOf(StorageUnavailable);
      expect(await driver.get(path, { limit: 10 })).toEqual(value);
    });
  }, 30_000);
});
