import { describe, expect, it } from '@jest/globals';

import { TooManyRequests } from '#oci/errors.js';

import { HashingQueue } from './hashing-queue.js';

const limits = { waiting: 3, patience: 1_000 };

/** A check that ends when told to. */
function check() {
  const { promise, resolve, reject } = Promise.withResolvers<boolean>();
  const state = { started: false };
  return {
    state,
    end: resolve,
    fail: reject,
    run: () => {
      state.started = true;
      return promise;
    },
  };
}

describe('HashingQueue', () => {
  it('runs one at a time, in order', async () => {
    const queue = new HashingQueue(limits);
    const order: number[] = [];
    let running = 0;
    await Promise.all(
      [0, 1, 2, 3].map((number) =>
        queue.run(async () => {
          expect(++running).toBe(1);
          await new Promise(setImmediate);
          running--;
          order.push(number);
          return true;
        }),
      ),
    );
    expect(order).toEqual([0, 1, 2, 3]);
  });

  it('refuses at once when as many wait as may', async () => {
    const queue = new HashingQueue(limits);
    const first = check();
    const all = [queue.run(first.run), ...[1, 2, 3].map(() => queue.run(async () => true))];
    expect(queue.waiting).toBe(3);
    await expect(queue.run(async () => true)).rejects.toThrow(TooManyRequests);
    first.end(true);
    expect(await Promise.all(all)).toEqual([true, true, true, true]);
    expect(queue.waiting).toBe(0);
    expect(await queue.run(async () => true)).toBe(true);
  });

  it('does not check for a client that has waited too long', async () => {
    let now = 0;
    const queue = new HashingQueue(limits, () => now);
    const first = check();
    const late = check();
    const running = queue.run(first.run);
    const waiting = queue.run(late.run);
    now = 500;
    const younger = queue.run(async () => true);
    now = 1_001;
    first.end(true);
    await expect(waiting).rejects.toThrow(TooManyRequests);
    expect(late.state.started).toBe(false);
    expect(await Promise.all([running, younger])).toEqual([true, true]);
  });

  it('rests after a wrong password for three times as long as the check took', async () => {
    let now = 0;
    const queue = new HashingQueue(limits, () => now);
    const wrong = check();
    const running = queue.run(wrong.run);
    const next = check();
    const following = queue.run(next.run);
    now = 20;
    const start = performance.now();
    wrong.end(false);
    expect(await running).toBe(false);
    expect(next.state.started).toBe(false);
    next.end(true);
    expect(await following).toBe(true);
    expect(performance.now() - start).toBeGreaterThan(57);
  });

  it('goes on after a check that failed', async () => {
    const queue = new HashingQueue(limits);
    const broken = check();
    const running = queue.run(broken.run);
    const following = queue.run(async () => true);
    broken.fail(new Error('no memory'));
    await expect(running).rejects.toThrow('no memory');
    expect(await following).toBe(true);
  });

  it('gives each source its turn', async () => {
    const queue = new HashingQueue({ waiting: 10, patience: 1_000 });
    const order: string[] = [];
    const first = check();
    const all = ['flood', 'flood', 'flood', 'anna', 'ben', 'flood'].map((source, index) =>
      queue.run(async () => {
        order.push(source);
        return index === 0 ? first.run() : true;
      }, source),
    );
    first.end(true);
    await Promise.all(all);
    expect(order).toEqual(['flood', 'flood', 'anna', 'ben', 'flood', 'flood']);
  });

  it('makes room for a newcomer by refusing the latest of who waits most', async () => {
    const queue = new HashingQueue(limits);
    const first = check();
    const running = queue.run(first.run, 'flood');
    const flood = Array.from({ length: 3 }, () => queue.run(async () => true, 'flood'));
    const anna = queue.run(async () => true, 'anna');
    await expect(flood[2]).rejects.toThrow(TooManyRequests);
    await expect(queue.run(async () => true, 'flood')).rejects.toThrow(TooManyRequests);
    const ben = queue.run(async () => true, 'ben');
    await expect(flood[1]).rejects.toThrow(TooManyRequests);
    expect(queue.waiting).toBe(3);
    await expect(queue.run(async () => true, 'carl')).rejects.toThrow(TooManyRequests);
    first.end(true);
    expect(await Promise.all([running, flood[0], anna, ben])).toEqual([true, true, true, true]);
    expect(queue.waiting).toBe(0);
  });
});
