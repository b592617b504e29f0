import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { Turns } from './turns.js';

interface One {
  readonly name: string;
}

/** `a/b:name` waits at the place a, b. */
function waiting(...all: readonly string[]): Turns<One> {
  const turns = new Turns<One>();
  for (const text of all) {
    const [place = '', name = ''] = text.split(':');
    turns.add(place.split('/'), { name });
  }
  return turns;
}

function inOrder(turns: Turns<One>): string {
  const names: string[] = [];
  for (let one = turns.take(); one !== undefined; one = turns.take()) names.push(one.name);
  return names.join(' ');
}

describe('Turns', () => {
  it('is first come, first served at one place', () => {
    expect(inOrder(waiting('a:1', 'a:2', 'a:3'))).toBe('1 2 3');
  });

  it('gives each place its turn', () => {
    expect(inOrder(waiting('a:1', 'a:2', 'a:3', 'b:4', 'c:5', 'b:6'))).toBe('1 4 5 2 6 3');
  });

  it('gives a group of many places no more turns than one of a single place', () => {
    expect(inOrder(waiting('a/1:1', 'a/2:2', 'a/3:3', 'b/1:4', 'b/1:5', 'b/1:6'))).toBe(
      '1 4 2 5 3 6',
    );
  });

  it('gives who waits in a group itself as many turns as all groups within', () => {
    expect(inOrder(waiting('a/b/1:1', 'a/b/2:2', 'a/b/3:3', 'a:4', 'a:5'))).toBe('1 4 2 5 3');
  });

  it.each([
    ['the latest of the place that waits most', ['a:1', 'b:2', 'a:3', 'b:4', 'a:5'], 'c', '5'],
    ['one of many in a group', ['a/1:1', 'a/2:2', 'b/1:3', 'a/3:4'], 'b/2', '4'],
    ['one of many in the group of the newcomer', ['a/1:1', 'a/1:2', 'a/2:3', 'b:4'], 'a/3', '2'],
    [
      'one of a group as large as the newcomer makes its own',
      ['a:1', 'a:2', 'b:3'],
      'b',
      undefined,
    ],
    ['nobody for who waits most', ['a:1', 'a:2', 'b:3'], 'a', undefined],
    ['nobody for one more of the largest group', ['a/1:1', 'a/2:2', 'b/1:3'], 'a/3', undefined],
    ['nobody where all wait alone', ['a:1', 'b:2', 'c:3'], 'd', undefined],
    ['nobody where nobody waits', [], 'a', undefined],
  ])('makes room by taking %s', (_what, all, place, gone) => {
    const turns = waiting(...all);
    expect(turns.makeRoomAt(place.split('/'))?.name).toBe(gone);
    expect(turns.size).toBe(all.length - (gone === undefined ? 0 : 1));
    expect(inOrder(turns).split(' ')).not.toContain(gone);
  });

  it('keeps a place for each of two groups, however many the other is', () => {
    const turns = waiting();
    let refused = 0;
    for (let number = 0; number < 1_000; number++) {
      if (turns.size === 10 && turns.makeRoomAt(['flood', `${number}`]) === undefined) refused++;
      else turns.add(['flood', `${number}`], { name: 'flood' });
    }
    expect(refused).toBe(990);
    for (let number = 0; number < 5; number++) {
      expect(turns.makeRoomAt(['few', `${number}`])?.name).toBe('flood');
      turns.add(['few', `${number}`], { name: 'few' });
    }
    expect(turns.makeRoomAt(['few', 'more'])).toBeUndefined();
    expect(inOrder(turns)).toBe('flood few flood few flood few flood few flood few');
  });

  it('loses nobody and counts right', () => {
    const place = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 });
    const what = fc.constantFrom('add' as const, 'make room' as const, 'take' as const);
    const steps = fc.array(fc.tuple(what, place), { maxLength: 60 });
    fc.assert(
      fc.property(steps, (all) => {
        const turns = new Turns<One>();
        const there = new Set<One>();
        const step: Record<(typeof all)[number][0], (at: string[]) => boolean> = {
          add: (at) => {
            const one = { name: '' };
            turns.add(at, one);
            return there.add(one).has(one);
          },
          'make room': (at) => {
            const one = turns.makeRoomAt(at);
            return one === undefined || there.delete(one);
          },
          take: () => {
            const one = turns.take();
            return one === undefined ? there.size === 0 : there.delete(one);
          },
        };
        for (const [next, at] of all) {
          expect(step[next](at)).toBe(true);
          expect(turns.size).toBe(there.size);
        }
        const left = there.size;
        expect(inOrder(turns).split(' ')).toHaveLength(Math.max(1, left));
        expect(turns.size).toBe(0);
      }),
    );
  });
});
