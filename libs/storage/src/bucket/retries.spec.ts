import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { StorageUnavailable } from '../storage-driver.js';
import { Seeded } from '../testing/seeded.js';
import { type Attempt, Retries, type RetryLimits, type Verdict } from './retries.js';
import { Turnstile } from './turnstile.js';

const limits: RetryLimits = {
  attempts: 5,
  attemptTimeout: 1000,
  totalTimeout: 10_000,
  firstPause: 100,
  longestPause: 400,
};

class Busy extends Error {
  constructor(
    readonly mayHaveHappened = false,
    readonly retryAfter?: number,
  ) {
    super('busy');
  }
}

function judge(error: unknown): Verdict {
  if (!(error instanceof Busy)) return { kind: 'final' };
  const { mayHaveHappened, retryAfter } = error;
  return { kind: 'passing', reason: 'it is busy', mayHaveHappened, retryAfter };
}

describe('Retries', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  /** Runs to the end, however long that takes; and how long it took. */
  async function run(
    retries: Retries,
    action: (attempt: Attempt, number: number) => Promise<string>,
  ) {
    const begun = performance.now();
    let attempts = 0;
    let took = 0;
    const end = retries
      .run('put a', (attempt) => action(attempt, ++attempts))
      .catch((error: unknown) => error)
      .finally(() => {
        took = performance.now() - begun;
      });
    await jest.runAllTimersAsync();
    return { end: await end, attempts, took };
  }

  it('repeats what failed for a moment, and gives the answer', async () => {
    const result = await run(new Retries(judge, limits, () => 1), async (_attempt, number) => {
      if (number < 4) throw new Busy();
      return `answer ${number}`;
    });
    expect(result).toEqual({ end: 'answer 4', attempts: 4, took: 100 + 200 + 400 });
  });

  it('gives up after so many attempts, with what the store said', async () => {
    const failing = async () => {
      throw new Busy();
    };
    const { end, attempts } = await run(new Retries(judge, limits), failing);
    expect(end).toBeInstanceOf(StorageUnavailable);
    expect(end).toMatchObject({ reason: 'put a: it is busy', cause: expect.any(Busy) });
    expect(attempts).toBe(5);
  });

  it('passes on what is an answer, good or bad, at once', async () => {
    const missing = new Error('missing');
    const { end, attempts, took } = await run(new Retries(judge, limits), async () => {
      throw missing;
    });
    expect({ end, attempts, took }).toEqual({ end: missing, attempts: 1, took: 0 });
  });

  it('pauses anywhere between nothing and twice the pause before, up to the longest', async () => {
    const random = new Seeded(4);
    const pauses: number[] = [];
    for (let turn = 0; turn < 200; turn++) {
      let last = performance.now();
      const retries = new Retries(judge, limits, () => random.below(1000) / 1000);
      await run(retries, async (_attempt, number) => {
        const now = performance.now();
        if (number === 4) pauses.push(now - last);
        last = now;
        throw new Busy();
      });
    }
    expect(Math.max(...pauses)).toBeLessThanOrEqual(400);
    expect(Math.max(...pauses)).toBeGreaterThan(350);
    expect(Math.min(...pauses)).toBeLessThan(50);
  });

  it('waits as long as the store asks, unless that is too long', async () => {
    const asking = (retryAfter: number) =>
      run(new Retries(judge, limits), async (_attempt, number) => {
        if (number === 1) throw new Busy(false, retryAfter);
        return 'done';
      });
    expect(await asking(3000)).toMatchObject({ end: 'done', took: 3000 });
    const { end, attempts } = await asking(20_000);
    expect(end).toBeInstanceOf(StorageUnavailable);
    expect(attempts).toBe(1);
  });

  it('ends an attempt that takes too long, which may have been carried out', async () => {
    const seen: boolean[] = [];
    const { end, attempts, took } = await run(
      new Retries(judge, limits, () => 0),
      (attempt, number) => {
        seen.push(attempt.mayHaveHappened);
        return number === 3 ? Promise.resolve('done') : untilAborted(attempt);
      },
    );
    expect({ end, attempts, seen }).toEqual({
      end: 'done',
      attempts: 3,
      seen: [false, true, true],
    });
    expect(took).toBeGreaterThanOrEqual(2000);
    expect(took).toBeLessThan(2010);
  });

  it('ends an attempt that is deaf to its signal as well', async () => {
    const { end, attempts, took } = await run(
      new Retries(judge, limits, () => 0),
      (_attempt, number) => (number === 3 ? Promise.resolve('done') : new Promise(() => undefined)),
    );
    expect({ end, attempts, took }).toEqual({ end: 'done', attempts: 3, took: 2000 });
  });

  it('gives an attempt more time while bytes move, and no more', async () => {
    const { end, took } = await run(
      new Retries(judge, { ...limits, attempts: 1 }),
      async (attempt) => {
        for (let turn = 0; turn < 5; turn++) {
          await new Promise((resolve) => setTimeout(resolve, 900));
          attempt.alive();
        }
        return untilAborted(attempt);
      },
    );
    expect(end).toBeInstanceOf(StorageUnavailable);
    expect(took).toBe(5 * 900 + 1000);
  });

  it('tells later attempts that an earlier one may have been carried out', async () => {
    const seen: boolean[] = [];
    await run(new Retries(judge, limits), async (attempt, number) => {
      seen.push(attempt.mayHaveHappened);
      throw new Busy(number === 2);
    });
    expect(seen).toEqual([false, false, true, true, true]);
  });

  it('ends when all attempts together take too long', async () => {
    const { end, attempts, took } = await run(
      new Retries(judge, { ...limits, attempts: 1000 }, () => 1),
      untilAborted,
    );
    expect(end).toBeInstanceOf(StorageUnavailable);
    expect(attempts).toBeLessThan(10);
    expect(took).toBeLessThanOrEqual(limits.totalTimeout + limits.attemptTimeout);
  });

  describe('with a bound on the attempts that are made at once', () => {
    it('takes no place while it pauses', async () => {
      const retries = new Retries(judge, limits, () => 1, new Turnstile(1));
      const order: string[] = [];
      const call = (name: string, failures: number) =>
        run(retries, async (_attempt, number) => {
          order.push(`${name}${number}`);
          if (number <= failures) throw new Busy();
          return name;
        });
      const results = await Promise.all([call('a', 2), call('b', 0)]);
      expect(results.map(({ end }) => end)).toEqual(['a', 'b']);
      expect(order).toEqual(['a1', 'b1', 'a2', 'a3']);
    });

    it('waits for a place no longer than for everything', async () => {
      const retries = new Retries(judge, limits, () => 0, new Turnstile(1));
      const occupied = run(retries, async (attempt) => {
        for (let second = 0; second < 20; second++) {
          await new Promise((resolve) => setTimeout(resolve, 900));
          attempt.alive();
        }
        return 'done';
      });
      const { end, attempts, took } = await run(retries, async () => 'too late');
      expect(end).toBeInstanceOf(StorageUnavailable);
      expect(end).toMatchObject({ reason: 'put a: too many other requests wait for the storage' });
      expect({ attempts, took }).toEqual({ attempts: 0, took: limits.totalTimeout });
      expect(await occupied).toMatchObject({ end: 'done' });
    });
  });

  it('asks a store that is down hardly more often than one in health, and recovers', async () => {
    const retries = new Retries(judge, limits, () => 0);
    let asked = 0;
    const down = async () => {
      asked++;
      throw new Busy();
    };
    const up = async () => 'done';
    for (let call = 0; call < 1000; call++) await run(retries, down);
    expect(asked).toBe(1000 + 200);
    for (let call = 0; call < 100; call++) await run(retries, up);
    asked = 0;
    for (let call = 0; call < 100; call++) await run(retries, down);
    // Each success pays for a tenth of a repetition.
    expect(asked).toBeGreaterThanOrEqual(109);
    expect(asked).toBeLessThanOrEqual(110);
  });
});

function untilAborted({ signal }: Attempt): Promise<string> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('aborted')));
  });
}
