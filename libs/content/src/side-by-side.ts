import { setImmediate } from 'node:timers/promises';

/** As many as the threads that read files, several times over. */
const width = 32;

/**
 * Does something with each item, a few at a time. The event loop turns in between: on a local disk an answer may need no
 * waiting at all, and a list of 100,000 would hold up everybody else.
 */
export async function sideBySide<T>(
  items: readonly T[],
  action: (item: T) => Promise<void>,
): Promise<void> {
  for (let start = 0; start < items.length; start += width) {
    if (start > 0) await setImmediate();
    await Promise.all(items.slice(start, start + width).map(action));
  }
}
