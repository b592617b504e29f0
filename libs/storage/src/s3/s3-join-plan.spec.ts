import { describe, expect, it } from '@jest/globals';

import { Seeded } from '../testing/seeded.js';
import { smallestPiece } from './s3-config.js';
import { type JoinedPiece, planJoin } from './s3-join-plan.js';

const MiB = 1024 * 1024;
const rules = { copySize: 32 * MiB, mostPieces: 10_000 };

interface Source {
  readonly name: number;
  readonly size: number;
}

const sourcesOf = (sizes: readonly number[]) => sizes.map((size, name) => ({ name, size }));
const read = (pieces: readonly JoinedPiece<Source>[]) =>
  pieces.filter(({ copied }) => !copied).reduce((sum, { size }) => sum + size, 0);

/** Every byte once and in order, in pieces that the service takes. */
function check(pieces: readonly JoinedPiece<Source>[], sizes: readonly number[]): void {
  const ranges = pieces.flatMap((piece) => piece.ranges);
  let at = 0;
  const expected = sourcesOf(sizes).filter(({ size }) => size > 0);
  for (const { source, start, end } of ranges) {
    expect(source.name).toBe(expected[0]?.name);
    expect(start).toBe(at);
    expect(end).toBeGreaterThan(start);
    at = end;
    if (end === source.size) {
      expected.shift();
      at = 0;
    }
  }
  expect(expected).toEqual([]);
  expect(pieces.length).toBeLessThanOrEqual(rules.mostPieces);
  for (const [index, { copied, ranges: own, size }] of pieces.entries()) {
    expect(size).toBe(own.reduce((sum, { start, end }) => sum + end - start, 0));
    const last = index === pieces.length - 1;
    expect(last || size >= smallestPiece).toBe(true);
    expect(copied ? own.length === 1 : size < 2 * smallestPiece).toBe(true);
  }
}

describe('The plan of a join', () => {
  it.each([
    ['nothing', [], 0, 0],
    ['sources without bytes', [0, 0], 0, 0],
    ['one that is small', [7], 1, 0],
    ['one that is large', [100 * MiB], 4, 0],
    ['large ones and a small last one', [5 * MiB, 6 * MiB, 17], 3, 0],
    ['a range that no copy may be cut into', [6 * MiB], 1, 0],
    ['small ones', [1, 2, 3], 1, 6],
    ['a small one before a large one', [1, 20 * MiB], 2, 5 * MiB],
    ['a small one before one that is nearly small', [1, 6 * MiB, 20 * MiB], 2, 6 * MiB + 1],
    ['a small one before one that ends all', [1, 6 * MiB], 2, 5 * MiB],
  ])('of %s reads what it must', (_what, sizes, count, bytes) => {
    const pieces = planJoin(sourcesOf(sizes), rules);
    check(pieces, sizes);
    expect(pieces).toHaveLength(count);
    expect(read(pieces)).toBe(bytes);
  });

  it('of any sources holds every byte once, and reads little', () => {
    for (let seed = 0; seed < 500; seed++) {
      const random = new Seeded(seed);
      const sizes = Array.from({ length: 1 + random.below(40) }, () =>
        random.pick([random.below(3), random.below(MiB), random.below(12 * MiB), 64 * MiB]),
      );
      const pieces = planJoin(sourcesOf(sizes), rules);
      check(pieces, sizes);
      const small = sizes.filter((size) => size > 0 && size < smallestPiece).length;
      expect(read(pieces)).toBeLessThanOrEqual(2 * small * smallestPiece);
    }
  });

  it('has no more pieces than are allowed, of what has 40 TB', () => {
    const sizes = Array.from({ length: 10 }, () => 4 * 1024 ** 4);
    const pieces = planJoin(sourcesOf(sizes), rules);
    check(pieces, sizes);
    expect(read(pieces)).toBe(0);
  });

  it('gives all pieces one size where that is asked for, and reads what crosses a border', () => {
    for (const sizes of [
      [30 * MiB],
      [10 * MiB, 20 * MiB, 5],
      [10 * MiB + 1, 10 * MiB, 10 * MiB],
      [1, 2, 3, 25 * MiB],
    ]) {
      const pieces = planJoin(sourcesOf(sizes), { ...rules, uniform: 10 * MiB });
      const total = sizes.reduce((sum, size) => sum + size, 0);
      expect(pieces.slice(0, -1).every(({ size }) => size === 10 * MiB)).toBe(true);
      expect(pieces.reduce((sum, { size }) => sum + size, 0)).toBe(total);
      for (const { copied, ranges } of pieces) expect(copied).toBe(ranges.length === 1);
    }
    expect(
      read(planJoin(sourcesOf([10 * MiB, 20 * MiB, 5]), { ...rules, uniform: 10 * MiB })),
    ).toBe(0);
  });
});
