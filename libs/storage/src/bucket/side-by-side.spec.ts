import { describe, expect, it } from '@jest/globals';

import { sideBySide } from './side-by-side.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('sideBySide', () => {
  it('does each once, so many at a time, and keeps their order', async () => {
    let under = 0;
    let most = 0;
    const items = Array.from({ length: 20 }, (_, index) => index);
    const results = await sideBySide(items, 3, async (item) => {
      most = Math.max(most, ++under);
      for (let turns = item % 4; turns >= 0; turns--) await turn();
      under -= 1;
      return item * 2;
    });
    expect(results).toEqual(items.map((item) => item * 2));
    expect(most).toBe(3);
  });

  it('begins nothing after a failure, and leaves nothing under way behind it', async () => {
    const begun: number[] = [];
    const ended: number[] = [];
    const action = async (item: number) => {
      begun.push(item);
      if (item === 1) throw new Error('one');
      for (let turns = 5; turns > 0; turns--) await turn();
      ended.push(item);
    };
    await expect(sideBySide([0, 1, 2, 3, 4, 5], 3, action)).rejects.toThrow('one');
    expect(begun).toEqual([0, 1, 2]);
    expect(ended).toEqual([0, 2]);
  });
});
