import { describe, expect, it } from '@jest/globals';

import { Standings } from './standings.js';

const hour = 3_600_000;
const anna = ['203.0.113.9'];
const ben = ['10.0.0.1', '203.0.113.9'];

describe('Standings', () => {
  it('knows nobody at first', () => {
    expect(new Standings(() => 1).of(anna)).toBe('is new');
  });

  it('remembers who was right and who was wrong', () => {
    const standings = new Standings(() => 1);
    standings.note(anna, true);
    standings.note(ben, false);
    expect([standings.of(anna), standings.of(ben)]).toEqual(['was right', 'was wrong']);
  });

  it.each([
    ['before', [false, true]],
    ['after', [true, false]],
  ])('lets a right password outweigh a wrong one %s it', (_when, outcomes) => {
    const standings = new Standings(() => 1);
    for (const matched of outcomes) standings.note(anna, matched);
    expect(standings.of(anna)).toBe('was right');
  });

  it('forgets a wrong password after an hour, however often it asks', () => {
    let now = 1;
    const standings = new Standings(() => now);
    standings.note(anna, false);
    now += hour - 1;
    expect(standings.of(anna)).toBe('was wrong');
    now += 2;
    expect(standings.of(anna)).toBe('is new');
  });

  it('remembers who was right among any number who were wrong, and of those the latest only', () => {
    const standings = new Standings(() => 1);
    standings.note(ben, false);
    standings.note(anna, true);
    for (let number = 0; number < 10_000; number++) standings.note([`guess ${number}`], false);
    expect(standings.of(anna)).toBe('was right');
    expect(standings.of(ben)).toBe('is new');
    expect(standings.of(['guess 9999'])).toBe('was wrong');
  });

  it('remembers of those who were right the latest only, too', () => {
    const standings = new Standings(() => 1);
    standings.note(ben, true);
    for (let number = 0; number < 10_000; number++) standings.note([`${number}`], true);
    expect(standings.of(ben)).toBe('is new');
  });
});
