import { describe, expect, it } from '@jest/globals';

import type { Event } from './history.js';
import { checkRegister } from './linearizability.js';

type Short = readonly [Event['action'], string | null, number, number, Event['outcome']?];

const check = (...events: readonly Short[]) =>
  checkRegister(
    events.map(([action, value, began, ended, outcome = 'ok']) => ({
      what: 'tag',
      key: 'a:1',
      action,
      value,
      began,
      ended,
      outcome,
    })),
  ).holds;

describe('checkRegister', () => {
  it('finds an order for what overlaps', () => {
    expect(check(['write', 'A', 0, 10], ['read', null, 1, 2], ['read', 'A', 3, 4])).toBe(true);
    expect(check(['write', 'A', 0, 10], ['write', 'B', 0, 10], ['read', 'A', 11, 12])).toBe(true);
    expect(check(['write', 'A', 0, 1], ['remove', null, 2, 3], ['read', null, 4, 5])).toBe(true);
  });

  it('sees a stale read', () => {
    expect(check(['write', 'A', 0, 1], ['write', 'B', 2, 3], ['read', 'A', 4, 5])).toBe(false);
    expect(check(['write', 'A', 0, 1], ['read', null, 2, 3])).toBe(false);
    expect(check(['write', 'A', 0, 10], ['read', 'A', 1, 2], ['read', null, 3, 4])).toBe(false);
  });

  it('sees a lost write', () => {
    expect(
      check(
        ['write', 'A', 0, 1],
        ['remove-value', 'A', 2, 9],
        ['write', 'B', 3, 4],
        ['read', null, 10, 11],
      ),
    ).toBe(false);
    expect(
      check(
        ['write', 'A', 0, 1],
        ['remove-value', 'A', 2, 9],
        ['write', 'B', 3, 4],
        ['read', 'B', 10, 11],
      ),
    ).toBe(true);
  });

  it('lets what has no answer happen at any later time, once, or never', () => {
    const unknown = ['write', 'B', 2, 3, 'unknown'] as const;
    expect(check(['write', 'A', 0, 1], unknown, ['read', 'A', 4, 5], ['read', 'B', 6, 7])).toBe(
      true,
    );
    expect(check(['write', 'A', 0, 1], unknown, ['read', 'B', 4, 5], ['read', 'A', 6, 7])).toBe(
      false,
    );
    expect(
      check(
        ['write', 'A', 0, 1],
        unknown,
        ['read', 'B', 4, 5],
        ['write', 'C', 6, 7],
        ['read', 'B', 8, 9],
      ),
    ).toBe(false);
  });

  it('takes nothing from what failed', () => {
    expect(check(['write', 'A', 0, 1], ['write', 'B', 2, 3, 'fail'], ['read', 'B', 4, 5])).toBe(
      false,
    );
  });

  it('looks through long histories with many at once', () => {
    const events = Array.from({ length: 3000 }, (_, index): Short => {
      const at = index * 10;
      if (index % 3 === 0) return ['write', `v${index}`, at, at + 35];
      return ['read', `v${index - (index % 3)}`, at + 4, at + 9];
    });
    expect(check(...events)).toBe(true);
    const last = events.at(-1)?.[2] ?? 0;
    expect(check(...events, ['read', 'v0', last + 100, last + 101])).toBe(false);
  });
});
