import { parentPort, workerData } from 'node:worker_threads';

import { createSHA256, createSHA512, type IHasher } from 'hash-wasm';

import type { HashOrder, HashReport } from './hash-messages.js';

/**
 * A thread that hashes what it is shown, for `HashThread`. It holds one hasher for each algorithm, into which the state of
 * whichever hash has bytes is loaded: a hundred bytes for a hash under way, however many there are.
 *
 * Nothing but packages is imported: tests run this file as it is.
 */
interface Hasher {
  readonly hasher: IHasher;
  /** The hash that it has loaded. */
  loaded: number | undefined;
}

interface RunningHash {
  readonly on: Hasher;
  saved: Uint8Array;
}

const { memory, slotSize } = workerData as { memory: SharedArrayBuffer; slotSize: number };
const hashers = {
  sha256: { hasher: await createSHA256(), loaded: undefined } as Hasher,
  sha512: { hasher: await createSHA512(), loaded: undefined } as Hasher,
};
const fresh = {
  sha256: hashers.sha256.hasher.init().save(),
  sha512: hashers.sha512.hasher.init().save(),
};
const running = new Map<number, RunningHash>();

parentPort?.on('message', (order: HashOrder) => {
  switch (order.kind) {
    case 'begin': {
      const on = hashers[order.algorithm];
      const saved = order.saved ?? fresh[order.algorithm];
      if (isUsable(on, saved)) running.set(order.id, { on, saved });
      return;
    }
    case 'update': {
      const hash = running.get(order.id);
      if (hash !== undefined) {
        load(order.id, hash).update(new Uint8Array(memory, order.slot * slotSize, order.size));
      }
      report({ kind: 'free', slot: order.slot });
      return;
    }
    case 'finish': {
      const hash = running.get(order.id);
      report({ kind: 'finished', id: order.id, soFar: hash && finish(order.id, hash) });
      running.delete(order.id);
      return;
    }
    case 'drop':
      running.delete(order.id);
  }
});

/** What another version saved may not be. */
function isUsable(on: Hasher, saved: Uint8Array): boolean {
  keep(on);
  on.loaded = undefined;
  try {
    on.hasher.load(saved);
    return true;
  } catch {
    return false;
  }
}

function load(id: number, { on, saved }: RunningHash): IHasher {
  if (on.loaded !== id) {
    keep(on);
    on.hasher.load(saved);
    on.loaded = id;
  }
  return on.hasher;
}

function keep(on: Hasher): void {
  const hash = on.loaded === undefined ? undefined : running.get(on.loaded);
  if (hash !== undefined) hash.saved = on.hasher.save();
}

function finish(id: number, hash: RunningHash) {
  const hasher = load(id, hash);
  const saved = hasher.save();
  hash.on.loaded = undefined;
  return { saved, hex: hasher.digest('hex') };
}

function report(message: HashReport): void {
  parentPort?.postMessage(message);
}
