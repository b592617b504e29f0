import { describe, expect, it } from '@jest/globals';

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
});
