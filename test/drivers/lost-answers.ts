import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, expect, it } from '@jest/globals';

import { BucketDriver } from '#storage/bucket/bucket-driver.js';
import { ConditionFailed, type ObjectStore } from '#storage/bucket/object-store.js';
import { bodyOf } from '#storage/testing/object-bodies.js';

import type { FaultProxy } from '../support/proxies/fault-proxy.js';

interface Behind {
  readonly store: ObjectStore;
  readonly proxy: FaultProxy;
}

/** Each call once with its answer lost, and bytes that are not those that were sent. */
export function itSettlesWhatIsLost(behind: () => Behind): void {
  let keys = 0;
  const fresh = () => `lost/${++keys}`;
  afterEach(() => behind().proxy.remove());

  /** Loses the answer to the first request that changes something. */
  const losing = async <T>(action: () => Promise<T>): Promise<T> => {
    const rule = behind().proxy.add({
      method: ['PUT', 'POST', 'DELETE'],
      times: 1,
      fault: { kind: 'lost-answer' },
    });
    const result = await action();
    expect(rule.struck).toBe(1);
    return result;
  };

  it('knows its own object when the answer to creating it was lost', async () => {
    const { store } = behind();
    const key = fresh();
    const version = await losing(() => store.put(key, bodyOf('own'), 'absent'));
    expect((await store.head(key)).version).toBe(version);
    // The content is the same, and yet it is another's.
    const again = losing(() => store.put(key, bodyOf('own'), 'absent')).catch((error) => error);
    expect(await again).toBeInstanceOf(ConditionFailed);
  });

  it('knows its own version when the answer to replacing was lost', async () => {
    const { store } = behind();
    const key = fresh();
    const first = await store.put(key, bodyOf('one'));
    const second = await losing(() => store.put(key, bodyOf('two'), { version: first }));
    expect((await store.head(key)).version).toBe(second);
  });

  it('does not repeat over what another wrote since', async () => {
    const { store, proxy } = behind();
    const driver = await BucketDriver.connect(store);
    const path = `/${fresh()}`;
    const put = (text: string) => driver.put([], [{ path, content: Buffer.from(text) }]);
    const method = ['PUT', 'POST'];
    const repeated = proxy.add({ method, nth: 2, fault: { kind: 'latency', ms: 300 } });
    const lost = proxy.add({ method, nth: 1, fault: { kind: 'lost-answer' } });
    const first = put('first');
    while (repeated.struck === 0) await sleep(5);
    expect((await driver.get(path, { limit: 99 })).toString()).toBe('first');
    await put('second');
    await first;
    expect((await driver.get(path, { limit: 99 })).toString()).toBe('second');
    expect([lost.struck, repeated.matched]).toEqual([1, 3]);
  });

  it('takes for removed what is gone when the answer to removing was lost', async () => {
    const { store } = behind();
    const key = fresh();
    const version = await store.put(key, bodyOf('x'));
    await losing(() => store.remove(key, version));
    await expect(store.head(key)).rejects.toThrow('not found');
  });

  it('completes and joins once, whatever was lost', async () => {
    const { store } = behind();
    const key = fresh();
    const draft = await store.begin(key, `writer of ${key}`);
    const one = Buffer.alloc(Math.max(4, store.limits.smallestJoined), 'one ');
    const pieces = [await losing(() => store.add(draft, 1, bodyOf(one)))];
    pieces.push(await store.add(draft, 2, bodyOf('two')));
    const version = await losing(() => store.complete(draft, pieces, 'absent'));
    const head = await store.head(key);
    const whole = Buffer.concat([one, Buffer.from('two')]);
    expect(head).toMatchObject({ version, size: whole.length });
    await losing(() => store.join([head, head], `${key}-joined`));
    const joined = await store.get(`${key}-joined`, { limit: 2 * whole.length });
    expect(joined.content.equals(Buffer.concat([whole, whole]))).toBe(true);
  });

  it('stores no byte that was damaged on its way, and gives none', async () => {
    const { store, proxy } = behind();
    const key = fresh();
    const bytes = randomBytes(100_000);
    const there = proxy.add({
      method: ['PUT', 'POST'],
      times: 2,
      fault: { kind: 'flip', direction: 'request', at: [5000, 90_000] },
    });
    await store.put(key, bodyOf(bytes));
    const draft = await store.begin(`${key}-draft`, `writer of ${key}`);
    await store.complete(draft, [await store.add(draft, 1, bodyOf(bytes))]);
    const back = proxy.add({
      method: 'GET',
      times: 2,
      fault: { kind: 'flip', direction: 'answer', at: [0, 90_000] },
    });
    expect((await store.get(key, { limit: 100_000 })).content.equals(bytes)).toBe(true);
    expect((await store.get(`${key}-draft`, { limit: 100_000 })).content.equals(bytes)).toBe(true);
    expect([there.struck, back.struck]).toEqual([2, 2]);
  });
}
