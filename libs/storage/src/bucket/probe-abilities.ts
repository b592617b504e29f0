import { randomUUID } from 'node:crypto';

import { ConditionFailed, type ObjectStore, type StoreAbilities } from './object-store.js';

/** Tries each condition on objects of its own, which it removes. */
export async function probeAbilities(store: ObjectStore): Promise<StoreAbilities> {
  const key = `holdfast/v1/probe/${randomUUID()}`;
  const other = `${key}-draft`;
  try {
    const first = await store.put(key, bodyOf('one'), 'absent');
    await store.put(key, bodyOf('two'));
    const createsOnce =
      (await refuses(store.put(key, bodyOf('three'), 'absent'))) &&
      (await refuses(completeOver(store, key)));
    const wrongIsRefused = await refuses(store.put(key, bodyOf('four'), { version: first }));
    // As it is told on the way back: a proxy may have made it a weak one, which fits nothing.
    const { version } = await store.head(key);
    const rightIsRefused = await refuses(store.put(key, bodyOf('five'), { version }));
    const replacesVersion = wrongIsRefused && !rightIsRefused;
    // Without a condition it may have been replaced just now.
    const kept = createsOnce && replacesVersion;
    const removesVersion = kept && (await refuses(store.remove(key, first)));
    if (removesVersion) await store.remove(key, (await store.head(key)).version);
    return { createsOnce, replacesVersion, removesVersion };
  } finally {
    await store.removeAll([key, other]);
  }
}

async function completeOver(store: ObjectStore, key: string): Promise<string> {
  const draft = await store.begin(key, randomUUID());
  const piece = await store.add(draft, 1, bodyOf('draft'));
  try {
    return await store.complete(draft, [piece], 'absent');
  } finally {
    await store.discard(draft);
  }
}

async function refuses(write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return false;
  } catch (error) {
    if (error instanceof ConditionFailed) return true;
    throw error;
  }
}

function bodyOf(text: string) {
  const bytes = Buffer.from(text);
  return { size: bytes.length, open: () => bytes };
}
