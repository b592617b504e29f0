import { describe, expect, it } from '@jest/globals';

import { gatherSmall } from './join-plan.js';

const pieces = (...sizes: number[]) =>
  sizes.map((size, index) => ({ path: `/c/${index}`, etag: 'e', size, copied: true }));

/** Each group as `name:bytes` or `name:range`. */
const plan = (smallest: number, ...sizes: number[]) =>
  gatherSmall(pieces(...sizes), smallest).map((group) =>
    group.map(({ path, size, range }) => `${path.slice(3)}:${range ?? size}`).join(' '),
  );

describe('gatherSmall', () => {
  it.each([
    ['leaves out what is empty', [0, 20, 0, 10, 0], ['1:20', '3:10']],
    ['leaves alone what is large enough, and the last one', [10, 30, 3], ['0:10', '1:30', '2:3']],
    ['puts small ones together until they are enough', [4, 4, 4, 4], ['0:4 1:4 2:4', '3:4']],
    ['takes one that is not large whole', [4, 15, 30], ['0:4 1:15', '2:30']],
    ['takes from a large one what is missing', [4, 100, 30], ['0:4 1:0-5', '1:6-99', '2:30']],
    ['makes nothing of nothing', [0, 0], []],
  ])('%s', (_what, sizes, groups) => {
    expect(plan(10, ...sizes)).toEqual(groups);
  });

  it('counts from where a part of a piece begins', () => {
    const [small] = pieces(4);
    const large = { path: '/c/1', etag: 'e', size: 500, range: '100-299', copied: false };
    expect(gatherSmall([small as never, large], 10)).toEqual([
      [small, { ...large, range: '100-105' }],
      [{ ...large, range: '106-299' }],
    ]);
  });

  it('keeps every byte in its place, whatever the sizes', () => {
    for (let seed = 1; seed < 200; seed++) {
      const sizes = Array.from(
        { length: seed % 9 },
        (_, index) => (seed * 7919 * (index + 3)) % 45,
      );
      const bytes = gatherSmall(pieces(...sizes), 10).flatMap((group) =>
        group.flatMap(({ path, size, range }) => {
          const [first = 0, last = 0] = (range ?? `0-${size - 1}`).split('-').map(Number);
          return Array.from({ length: last + 1 - first }, (_, index) => `${path}@${first + index}`);
        }),
      );
      const wanted = sizes.flatMap((size, index) =>
        Array.from({ length: size }, (_, at) => `/c/${index}@${at}`),
      );
      expect(bytes).toEqual(wanted);
    }
  });
});
