import { describe, expect, it } from '@jest/globals';

import { MemoryDriver } from '#storage/memory/memory-driver.js';

import { uploadPurgeMarkPath } from '../paths.js';
import { PurgeTurn } from './purge-turn.js';

describe('PurgeTurn', () => {
  const hour = 60 * 60 * 1000;
  function clocked(start = 1000 * hour) {
    const clock = { time: start };
    const driver = new MemoryDriver();
    return { clock, driver, turn: new PurgeTurn(driver, () => clock.time) };
  }

  it('is the first caller’s', async () => {
    expect(await clocked().turn.take(hour)).toBeUndefined();
  });

  it('is nobody’s until the interval has passed, and then one’s again', async () => {
    const { clock, turn } = clocked();
    const begun = clock.time;
    await turn.take(hour);
    clock.time += hour - 1;
    expect(await turn.take(hour)).toBe(begun);
    clock.time += 1;
    expect(await turn.take(hour)).toBeUndefined();
    expect(await turn.take(hour)).toBe(begun + hour);
  });

  it('is one’s of many who ask at once', async () => {
    const { clock, driver } = clocked();
    const many = Array.from({ length: 20 }, () => new PurgeTurn(driver, () => clock.time));
    for (let round = 0; round < 5; round++) {
      const answers = await Promise.all(many.map((turn) => turn.take(hour)));
      expect(answers.filter((last) => last === undefined)).toHaveLength(1);
      clock.time += hour;
    }
  });

  it.each([['nonsense'], [''], [String(2000 * hour)]])(
    'is the caller’s when the mark says %p',
    async (content) => {
      const { driver, turn } = clocked();
      await driver.put([{ path: uploadPurgeMarkPath, content: Buffer.from(content) }]);
      expect(await turn.take(hour)).toBeUndefined();
      expect(await turn.take(hour)).toBe(1000 * hour);
    },
  );
});
