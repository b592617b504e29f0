import { describe, expect, it } from '@jest/globals';

import { PathNotFound, type StorageDriver } from '../storage-driver.js';
import type { DriverTraits } from './driver-traits.js';
import { type RegisterCall, RegisterHistory } from './register-history.js';
import { Seeded } from './seeded.js';

const limit = 1024;

/** Comparing and removing while others write; a part of the suite of drivers. */
export function describeComparedRemoval(
  opened: () => { readonly driver: StorageDriver; readonly other: StorageDriver },
  traits: DriverTraits,
): void {
  const driver = () => opened().driver;
  const other = () => opened().other;
  const put = (path: string, content: string) =>
    driver().put([{ path, content: Buffer.from(content) }]);
  const get = async (path: string, from = driver()) => (await from.get(path, { limit })).toString();

  describe('removeIf', () => {
    it('removes a file only if it has the expected content', async () => {
      await put('/a/link', 'new');
      expect(await driver().removeIf('/a/link', Buffer.from('old'))).toBe(false);
      expect(await get('/a/link')).toBe('new');
      expect(await driver().removeIf('/a/link', Buffer.from('new'))).toBe(true);
      expect(await driver().removeIf('/a/link', Buffer.from('new'))).toBe(false);
      expect(await driver().removeIf('/missing/link', Buffer.from('new'))).toBe(false);
      await expect(driver().get('/a/link', { limit })).rejects.toBeInstanceOf(PathNotFound);
      expect(await driver().list('/a')).toEqual([]);
    });

    it('leaves no moment in which a file that stays is missing', async () => {
      await put('/a/link', 'v0');
      let running = true;
      const writer = (async () => {
        for (let turn = 1; turn <= 40; turn++) {
          await driver().put([{ path: '/a/link', content: Buffer.from(`v${turn}`) }]);
        }
        running = false;
      })();
      const removers = [driver(), other()].map(async (one) => {
        while (running) {
          await turn();
          await one.removeIf('/a/link', Buffer.from('something else'));
        }
      });
      while (running) {
        await turn();
        expect(await get('/a/link', other())).toMatch(/^v\d+$/);
        expect((await other().stat('/a/link')).size).toBeGreaterThan(1);
        await (await other().read('/a/link')).close();
      }
      await Promise.all([writer, ...removers]);
    });

    it('leaves the place to whoever creates, and puts, the file again', async () => {
      await put('/a/link', 'old');
      expect(await other().removeIf('/a/link', Buffer.from('old'))).toBe(true);
      expect(await driver().create({ path: '/a/link', content: Buffer.from('new') })).toBe(true);
      expect(await other().create({ path: '/a/link', content: Buffer.from('x') })).toBe(false);
      expect(await get('/a/link', other())).toBe('new');
      expect(await driver().removeIf('/a/link', Buffer.from('new'))).toBe(true);
      await expect(driver().stat('/a/link')).rejects.toBeInstanceOf(PathNotFound);
      await expect(driver().read('/a/link')).rejects.toBeInstanceOf(PathNotFound);
      await put('/a/link', 'newer');
      expect(await get('/a/link', other())).toBe('newer');
    });

    // Where answers get lost each call may take a second.
    const histories = traits.repeats === true ? 60 : 150;
    if (traits.compares)
      it(`and put, remove and get are linearisable in ${histories} histories`, async () => {
        for (let seed = 1; seed <= histories; seed++) {
          const history = await randomHistory(seed, [driver(), other()], `/h/${seed}/link`, traits);
          const explained = history.isLinearizable(undefined);
          expect(explained ? '' : `seed ${seed}:\n${history.toString()}`).toBe('');
        }
      }, 60_000);
  });
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Three clients of two processes, three calls each, on one file, overlapping as it comes. */
async function randomHistory(
  seed: number,
  drivers: readonly StorageDriver[],
  path: string,
  { repeats = false }: DriverTraits,
): Promise<RegisterHistory> {
  const history = new RegisterHistory(repeats);
  const kinds = ['put', 'put', 'get', 'get', 'removeIf', 'removeIf'] as const;
  const client = async (index: number) => {
    const random = new Seeded(seed * 1000 + index);
    for (let turn = 0; turn < 3; turn++) {
      const driver = random.pick(drivers);
      await random.pause();
      const kind = random.pick(repeats ? kinds : [...kinds, 'remove' as const]);
      const value = random.pick(['x', 'y', `${index}${turn}`]);
      await history.carryOut(driver, path, callOf(kind, value));
    }
  };
  await Promise.all([0, 1, 2].map(client));
  return history;
}

function callOf(kind: RegisterCall['kind'], value: string): RegisterCall {
  return kind === 'removeIf' ? { kind, value, removed: true } : { kind, value };
}
