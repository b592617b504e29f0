import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { RecordingLog } from '#telemetry/testing/recording-log.js';

import { FailureLog } from './failure-log.js';

describe('FailureLog', () => {
  let log: RecordingLog;
  let failures: FailureLog;

  beforeEach(() => {
    jest.useFakeTimers();
    log = new RecordingLog();
    failures = new FailureLog(log);
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const written = (sentence: string) => log.lines.filter(({ message }) => message === sentence);
  const fail = (sentence: string, times: number) => {
    for (let time = 0; time < times; time++) failures.error({ time }, sentence);
  };

  it('writes some lines of each sentence, and says how many it left out', () => {
    fail('disk full', 1000);
    fail('damaged', 3);
    expect([written('disk full').length, written('damaged').length]).toEqual([20, 3]);
    jest.advanceTimersByTime(10_000);
    expect(log.lines.slice(23)).toEqual([
      { level: 'error', fields: { leftOut: 980 }, message: 'disk full' },
    ]);
    fail('disk full', 1);
    expect(log.lines).toHaveLength(25);
  });

  it('goes on so for as long as failures last, and then says no more', () => {
    for (let second = 0; second < 60; second++) {
      fail('disk full', 100);
      jest.advanceTimersByTime(1000);
    }
    jest.advanceTimersByTime(60_000);
    const lines = written('disk full');
    const leftOut = lines.reduce((sum, { fields }) => sum + Number(fields['leftOut'] ?? 0), 0);
    const told = lines.filter(({ fields }) => 'time' in fields).length;
    expect(told + leftOut).toBe(6000);
    expect(told).toBeLessThanOrEqual(20 * 7);
    expect(jest.getTimerCount()).toBe(0);
  });
});
