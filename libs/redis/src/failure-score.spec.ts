import { describe, expect, it } from '@jest/globals';

import { FailureScore } from './failure-score.js';

/** After which of the calls it is too many; `x` failed, `.` was answered. */
function tooMany(calls: string): number | undefined {
  const score = new FailureScore();
  const index = Array.from(calls).findIndex((call) => {
    if (call === 'x') return score.failed();
    score.answered();
    return false;
  });
  return index < 0 ? undefined : index + 1;
}

describe('FailureScore', () => {
  it.each([
    ['xxxxx', 5],
    ['xxxx', undefined],
    ['................xxxxx', 21],
    ['xx..xx..xx..xx', 10],
    ['x..'.repeat(100), 25],
    ['x....'.repeat(1000), undefined],
  ])('of %.20s', (calls, count) => {
    expect(tooMany(calls)).toBe(count);
  });
});
