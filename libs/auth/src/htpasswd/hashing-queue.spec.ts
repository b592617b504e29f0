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
      }, [source]),
    );
    first.end(true);
    await Promise.all(all);
    expect(order).toEqual(['flood', 'flood', 'anna', 'ben', 'flood', 'flood']);
  });

  it('makes room for a newcomer by refusing the latest of who waits most', async () => {
    const queue = new HashingQueue(limits);
    const first = check();
    const running = queue.run(first.run, ['flood']);
    const flood = Array.from({ length: 3 }, () => queue.run(async () => true, ['flood']));
    const anna = queue.run(async () => true, ['anna']);
    await expect(flood[2]).rejects.toThrow(TooManyRequests);
    await expect(queue.run(async () => true, ['flood'])).rejects.toThrow(TooManyRequests);
    const ben = queue.run(async () => true, ['ben']);
    await expect(flood[1]).rejects.toThrow(TooManyRequests);
    expect(queue.waiting).toBe(3);
    await expect(queue.run(async () => true, ['carl'])).rejects.toThrow(TooManyRequests);
    first.end(true);
    expect(await Promise.all([running, flood[0], anna, ben])).toEqual([true, true, true, true]);
    expect(queue.waiting).toBe(0);
  });

  describe('in a flood from 150 places', () => {
    const standard = { waiting: 100, patience: 10_000 };
    const places = Array.from({ length: 150 }, (_, number) => number);

    /** Each asks once, and the queue is full; whatever ends is the first, when told to. */
    function flooded(source: (number: number) => readonly string[]) {
      const queue = new HashingQueue(standard);
      const first = check();
      const all = places.map((number) =>
        queue.run(number === 0 ? first.run : async () => false, source(number)),
      );
      const ended = Promise.allSettled(all);
      expect(queue.waiting).toBe(100);
      return { queue, first, ended };
    }

    /** How many wrong passwords are checked before it is the newcomer's turn. */
    async function turnsBefore(
      { queue, first, ended }: ReturnType<typeof flooded>,
      newcomer: readonly string[],
    ): Promise<number> {
      const turn = check();
      const login = queue.run(turn.run, newcomer);
      expect(queue.waiting).toBe(100);
      turn.end(true);
      first.end(false);
      expect(await login).toBe(true);
      const before = 99 - queue.waiting;
      await ended;
      return before;
    }

    it.each<[string, (number: number) => readonly string[], readonly string[]]>([
      ['of one network', (number) => [`198.51.100.${number}`], ['203.0.113.7']],
      ['of one subnet of IPv6', (number) => [`2001:db8:0:1::${number}`], ['2001:db8:0:2::1']],
      ['of one site of IPv6', (number) => [`2001:db8:0:${number}::1`], ['2001:db8:1::1']],
      [
        'made up by a host that we take for a proxy',
        (number) => ['10.0.0.66', `45.0.${number}.1`],
        ['10.0.0.1', '203.0.113.7'],
      ],
      [
        'made up by a host behind the proxy that all come through',
        (number) => ['10.0.0.1', '10.1.0.66', `45.0.${number}.1`],
        ['10.0.0.1', '203.0.113.7'],
      ],
      [
        'that a proxy speaks for, which asks for itself',
        (number) => ['10.0.0.1', `45.0.${number}.1`],
        ['10.0.0.1'],
      ],
    ])('%s, a newcomer from elsewhere waits for a turn or two', async (_what, source, newcomer) => {
      expect(await turnsBefore(flooded(source), newcomer)).toBeLessThanOrEqual(2);
    });

    const anywhere = (number: number) => [`45.0.${number}.1`];

    it('of different networks, refuses a newcomer, who cannot be told from them', async () => {
      const { queue, first, ended } = flooded(anywhere);
      await expect(queue.run(async () => true, ['203.0.113.7'])).rejects.toThrow(TooManyRequests);
      first.end(false);
      await ended;
    });

    it('of different networks, lets in who comes from where a password was right before', async () => {
      const queue = new HashingQueue(standard);
      const office = ['203.0.113.7'];
      expect(await queue.run(async () => true, office)).toBe(true);
      const first = check();
      const all = places.map((number) =>
        queue.run(number === 0 ? first.run : async () => false, anywhere(number)),
      );
      const ended = Promise.allSettled(all);
      const turn = check();
      turn.end(true);
      const login = queue.run(turn.run, office);
      first.end(false);
      expect(await login).toBe(true);
      expect(queue.waiting).toBeGreaterThanOrEqual(97);
      await ended;
    });

    it('of different networks that were wrong before, lets in newcomers', async () => {
      const queue = new HashingQueue(standard);
      for (const number of places) await queue.run(async () => false, anywhere(number));
      const first = check();
      const all = places.map((number) =>
        queue.run(number === 0 ? first.run : async () => false, anywhere(number)),
      );
      const ended = Promise.allSettled(all);
      const newcomers = [1, 2, 3].map((number) =>
        queue.run(async () => true, [`203.0.${number}.1`]),
      );
      first.end(false);
      expect(await Promise.all(newcomers)).toEqual([true, true, true]);
      await ended;
    });
  });
});
