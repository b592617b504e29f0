import { afterEach, describe, expect, it, jest } from '@jest/globals';

import { MemoryDriver } from '#storage/memory/memory-driver.js';
import { RecordingLog } from '#telemetry/testing/recording-log.js';

import { PurgeSchedule } from './purge-schedule.js';
import { PurgeTurn } from './purge-turn.js';
import { UploadPurger } from './upload-purger.js';

const hour = 60 * 60 * 1000;
const day = 24 * hour;

describe('PurgeSchedule', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  function scheduled({ dryrun = false, random = 0, interval = day } = {}) {
    const driver = new MemoryDriver();
    const log = new RecordingLog();
    const times = { age: 7 * day, interval, dryrun };
    const create = () =>
      new PurgeSchedule(
        new UploadPurger(driver),
        new PurgeTurn(driver, () => Date.now()),
        times,
        log,
        { now: () => Date.now(), random: () => random },
      );
    const abandon = async (session: string) => {
      const writer = await driver.uploads.claim(session, undefined);
      await writer.write(Buffer.from('x'));
      await writer.finish();
    };
    const isThere = async (session: string) => (await driver.uploads.find(session)) !== undefined;
    return { create, log, driver, abandon, isThere };
  }

  const messages = (log: RecordingLog) => log.lines.map(({ message }) => message);

  it('purges by age and names what it removed', async () => {
    jest.useFakeTimers();
    const { create, log, abandon, isThere } = scheduled();
    await abandon('old');
    jest.setSystemTime(Date.now() + 7 * day + 1);
    await abandon('new');
    await create().round();
    expect([await isThere('old'), await isThere('new')]).toEqual([false, true]);
    expect(log.lines).toMatchObject([
      { level: 'info', fields: { path: 'old.1' }, message: 'abandoned upload purged' },
      { level: 'info', fields: { count: 1, failures: 0 }, message: 'uploads purged' },
    ]);
  });

  it('removes nothing when it runs dry, and says so', async () => {
    jest.useFakeTimers();
    const { create, log, abandon, isThere } = scheduled({ dryrun: true });
    await abandon('old');
    jest.setSystemTime(Date.now() + 7 * day + 1);
    await create().round();
    expect(await isThere('old')).toBe(true);
    expect(messages(log)).toEqual([
      'abandoned upload would be purged',
      'uploads looked through, none purged: dryrun',
    ]);
  });

  it('begins after the jitter and goes on at the interval, however long it is', async () => {
    jest.useFakeTimers();
    const { create, log } = scheduled({ random: 0.5, interval: 60 * day });
    const schedule = create();
    schedule.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(29 * 60 * 1000);
    expect(log.lines).toHaveLength(0);
    await jest.advanceTimersByTimeAsync(30 * 1000);
    expect(log.lines).toHaveLength(1);
    await jest.advanceTimersByTimeAsync(60 * day - 1000);
    expect(log.lines).toHaveLength(1);
    await jest.advanceTimersByTimeAsync(2000);
    expect(log.lines).toHaveLength(2);
    await schedule.onApplicationShutdown();
    await jest.advanceTimersByTimeAsync(200 * day);
    expect(log.lines).toHaveLength(2);
  });

  it('purges once in each interval, however many processes there are and whenever they start', async () => {
    jest.useFakeTimers();
    const { create, log } = scheduled({ random: 0.1 });
    const processes = [create(), create(), create()];
    for (const process of processes) {
      process.onApplicationBootstrap();
      await jest.advanceTimersByTimeAsync(3 * hour);
    }
    await jest.advanceTimersByTimeAsync(day * 9 + 12 * hour);
    expect(log.lines).toHaveLength(10);
    await Promise.all(processes.map((process) => process.onApplicationShutdown()));
  });

  it('survives a storage that fails, and tries again', async () => {
    jest.useFakeTimers();
    const { create, log, driver } = scheduled();
    driver.create = async () => {
      throw new Error('EIO');
    };
    expect(await create().round()).toBe(Date.now() + day);
    expect(log.lines).toMatchObject([{ level: 'warn', fields: { error: { message: 'EIO' } } }]);
  });
});
