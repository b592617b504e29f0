import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Signals } from './signals.js';

const names = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

describe('Signals', () => {
  const before = new Map<string, readonly unknown[]>();
  beforeEach(() => {
    for (const name of names) before.set(name, process.listeners(name));
  });
  afterEach(() => {
    for (const name of names) {
      const added = process.listeners(name).filter((one) => !before.get(name)?.includes(one));
      for (const listener of added) process.removeListener(name, listener);
    }
  });

  const told = () => {
    const orders: string[] = [];
    const obedient = {
      reload: () => void orders.push('reload'),
      stop: async () => orders.push('stop') > 0,
    };
    return { orders, obedient };
  };

  it('reload and stop who obeys them', async () => {
    const { orders, obedient } = told();
    const finished = new Signals().obeyWith(obedient);
    process.emit('SIGHUP');
    process.emit('SIGHUP');
    process.emit('SIGTERM');
    expect(await finished).toBe(true);
    expect(orders).toEqual(['reload', 'reload', 'stop']);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'take a %s that follows at once for an echo',
    async (name) => {
      const { orders, obedient } = told();
      let now = 1000;
      const finished = new Signals(() => now).obeyWith(obedient);
      process.emit(name);
      now += 499;
      process.emit(name);
      expect(orders).toEqual(['stop']);
      now += 500;
      process.emit(name);
      expect(orders).toEqual(['stop', 'stop']);
      await finished;
    },
  );

  it('that come during the start are obeyed after it', async () => {
    const { orders, obedient } = told();
    const signals = new Signals();
    process.emit('SIGHUP');
    process.emit('SIGHUP');
    process.emit('SIGTERM');
    expect(await signals.obeyWith(obedient)).toBe(true);
    expect(orders).toEqual(['reload', 'stop']);
  });
});
