import { describe, expect, it } from '@jest/globals';

import { RecordingLog } from '#telemetry/testing/recording-log.js';

import type { HealthCheck } from './health-check.js';
import { PeriodicCheck } from './periodic-check.js';

describe('PeriodicCheck', () => {
  function checked(check: Partial<HealthCheck>) {
    const log = new RecordingLog();
    const periodic = new PeriodicCheck(
      {
        name: 'thing',
        interval: 60_000,
        threshold: 1,
        timeout: 1000,
        run: async () => {},
        ...check,
      },
      log,
      () => 1_700_000_000_000,
    );
    return { periodic, log };
  }

  const failing = async () => {
    throw new Error('gone');
  };

  it('knows nothing before the first run', () => {
    expect(checked({}).periodic.health).toEqual({ name: 'thing', status: 'unknown', failures: 0 });
  });

  it('is up after a run that passed, and says when', async () => {
    const { periodic, log } = checked({});
    await periodic.run();
    expect(periodic.health).toMatchObject({
      status: 'up',
      failures: 0,
      checkedAt: 1_700_000_000_000,
    });
    expect(log.lines).toEqual([]);
  });

  it.each([
    [0, 1],
    [1, 1],
    [3, 3],
  ])(
    'with the threshold %d turns down at failure %d and up again at one success',
    async (threshold, needed) => {
      let fails = false;
      const { periodic, log } = checked({
        threshold,
        run: async () => {
          if (fails) throw new Error('gone');
        },
      });
      await periodic.run();
      fails = true;
      for (let failure = 1; failure < needed; failure++) {
        await periodic.run();
        expect(periodic.health).toMatchObject({ status: 'up', failures: failure, message: 'gone' });
      }
      await periodic.run();
      expect(periodic.health).toMatchObject({ status: 'down', failures: needed, message: 'gone' });
      await periodic.run();
      fails = false;
      await periodic.run();
      expect(periodic.health).toMatchObject({ status: 'up', failures: 0, message: undefined });
      expect(log.lines.map(({ level, message }) => [level, message])).toEqual([
        ['warn', 'health check fails'],
        ['info', 'health check passes again'],
      ]);
    },
  );

  it('does not turn up by failing less often than its threshold says', async () => {
    const { periodic } = checked({ threshold: 3, run: failing });
    await periodic.run();
    expect(periodic.health.status).toBe('unknown');
  });

  it('is bounded by its timeout, and does not ask again while a run hangs', async () => {
    const hanging = Promise.withResolvers<void>();
    let runs = 0;
    const { periodic } = checked({
      timeout: 20,
      run: () => {
        runs++;
        return runs === 1 ? hanging.promise : Promise.resolve();
      },
    });
    await periodic.run();
    expect(periodic.health).toMatchObject({
      status: 'down',
      message: 'timeout of 20ms exceeded',
    });
    await periodic.run();
    await periodic.run();
    expect(runs).toBe(1);
    expect(periodic.health).toMatchObject({ status: 'down', failures: 3 });
    hanging.resolve();
    await hanging.promise;
    await periodic.run();
    expect(runs).toBe(2);
    expect(periodic.health.status).toBe('up');
  });

  it('asks again and again until it is stopped', async () => {
    const third = Promise.withResolvers<void>();
    let runs = 0;
    const { periodic } = checked({
      interval: 5,
      run: async () => {
        if (++runs === 3) third.resolve();
      },
    });
    periodic.start();
    await third.promise;
    periodic.stop();
    expect(runs).toBe(3);
  });
});
