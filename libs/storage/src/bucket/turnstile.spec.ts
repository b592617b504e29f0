import { describe, expect, it, jest } from '@jest/globals';

import { Turnstile } from './turnstile.js';

describe('a turnstile', () => {
  it('lets so many in, and the others in their order as places become free', async () => {
    const turnstile = new Turnstile(2);
    const entered: number[] = [];
    const leaves = await Promise.all([turnstile.enter(), turnstile.enter()]);
    const waiting = [3, 4].map(async (who) => {
      const leave = await turnstile.enter();
      entered.push(who);
      return leave;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(entered).toEqual([]);
    leaves[0]();
    (await waiting[0])?.();
    await waiting[1];
    expect(entered).toEqual([3, 4]);
  });

  it('lets nobody in who waited too long, and takes no place for them', async () => {
    jest.useFakeTimers();
    try {
      const turnstile = new Turnstile(1);
      const leave = await turnstile.enter();
      const impatient = turnstile.enter(1000);
      const patient = turnstile.enter(2000);
      await jest.advanceTimersByTimeAsync(1000);
      expect(await impatient).toBeUndefined();
      leave();
      (await patient)?.();
      expect(await turnstile.enter(0)).toBeDefined();
    } finally {
      jest.useRealTimers();
    }
  });
});
