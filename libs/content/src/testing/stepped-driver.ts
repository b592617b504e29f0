import type { StorageDriver } from '#storage/storage-driver.js';

/** Told before each call, with its number; the call waits for it, and fails if it does. */
export type OnCall = (call: number) => Promise<void>;

/**
 * The same storage, for one of those who use it, whose every call can be held or made to fail; that which writes last counts
 * as one of its own.
 */
export function steppedDriver(driver: StorageDriver, onCall: OnCall): StorageDriver {
  let calls = 0;
  const put: StorageDriver['put'] = async (files, last = []) => {
    await onCall(calls++);
    await driver.put(files);
    if (last.length === 0) return;
    await onCall(calls++);
    await driver.put([], last);
  };
  return new Proxy(driver, {
    get(target, key) {
      // Whoever gets nothing here asks `get`.
      if (key === 'getAtOnce') return () => undefined;
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      if (key === 'put') return put;
      return async (...given: unknown[]) => {
        await onCall(calls++);
        return (await Reflect.apply(value, target, given)) as unknown;
      };
    },
  });
}
