import { buffer } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import {
  ConditionFailed,
  ObjectNotFound,
  type ObjectStore,
  type StoreAbilities,
} from '../bucket/object-store.js';
import { ContentTooLarge } from '../storage-driver.js';
import { describeLargeObjects } from './large-objects.suite.js';
import { bodyOf, streamOf } from './object-bodies.js';
import { Seeded } from './seeded.js';

export interface StoreUnderTest {
  readonly store: ObjectStore;
  /** The same objects through a client of its own. */
  readonly other: ObjectStore;
  readonly close: () => Promise<void>;
}

/** What the adapter of every object store does, each against a real server, which is known to be able to do so much. */
export function describeObjectStore(
  open: () => Promise<StoreUnderTest>,
  can: StoreAbilities,
  /** Whether a key may be a folder of others and be listed with them; servers over a file system cannot. */
  { keysAsFolders = true }: { readonly keysAsFolders?: boolean } = {},
): void {
  let store: ObjectStore;
  let other: ObjectStore;
  let close: () => Promise<void>;
  let abilities: StoreAbilities;
  let folders = 0;

  beforeAll(async () => {
    ({ store, other, close } = await open());
    abilities = await store.probe();
    await other.probe();
  }, 60_000);
  afterAll(async () => close());

  /** A prefix that no other test uses. */
  const fresh = () => `suite/${++folders}`;
  const write = (key: string, content: string | Buffer) => store.put(key, bodyOf(content));
  const text = async (key: string, from = other) =>
    (await from.get(key, { limit: 4096 })).content.toString();

  describe('an object', () => {
    it('is read as it was written, whole, in ranges, and empty', async () => {
      const key = `${fresh()}/a`;
      const bytes = new Seeded(5).bytes(300_000);
      const version = await write(key, bytes);
      const head = await other.head(key);
      expect(head).toMatchObject({ key, size: bytes.length, version });
      expect(Math.abs(head.modifiedAt - Date.now())).toBeLessThan(60_000);
      const whole = await other.read(key);
      expect(whole.size).toBe(bytes.length);
      expect((await buffer(whole.stream)).equals(bytes)).toBe(true);
      for (const [start, end] of [
        [0, 0],
        [1, 70_000],
        [299_999, 299_999],
      ] as const) {
        const part = await other.read(key, { start, end });
        expect(part.size).toBe(bytes.length);
        expect((await buffer(part.stream)).equals(bytes.subarray(start, end + 1))).toBe(true);
      }
      const empty = `${fresh()}/empty`;
      await write(empty, '');
      expect(await text(empty)).toBe('');
      expect((await buffer((await store.read(empty)).stream)).length).toBe(0);
    });

    it('is replaced whole, and then has another version', async () => {
      const key = `${fresh()}/a`;
      const first = await write(key, 'one');
      const second = await store.put(key, streamOf(Buffer.from('second')));
      expect(second).not.toBe(first);
      expect(await text(key)).toBe('second');
      expect((await other.get(key, { limit: 6 })).version).toBe(second);
    });

    it('is missing, or too large, with an error of its own', async () => {
      const folder = fresh();
      await write(`${folder}/a`, '0123456789');
      for (const missing of [`${folder}/b`, folder, `${folder}/a/b`]) {
        await expect(store.get(missing, { limit: 9 })).rejects.toBeInstanceOf(ObjectNotFound);
        await expect(store.head(missing)).rejects.toBeInstanceOf(ObjectNotFound);
        await expect(store.read(missing)).rejects.toBeInstanceOf(ObjectNotFound);
      }
      await expect(store.get(`${folder}/a`, { limit: 9 })).rejects.toBeInstanceOf(ContentTooLarge);
      expect((await store.get(`${folder}/a`, { limit: 10 })).content).toHaveLength(10);
    });

    it('keeps a key of any characters that a path has', async () => {
      const folder = fresh();
      const keys = ['a b', 'a+b', 'a%2fb', 'ü', "a'(b)!*", 'a=b&c', '~x', 'a:b@c,d;e'].map(
        (name) => `${folder}/${name}/link`,
      );
      for (const key of keys) await write(key, key);
      for (const key of keys) expect(await text(key)).toBe(key);
      const { objects } = await other.list(`${folder}/`);
      expect(objects.map(({ key }) => key).sort()).toEqual([...keys].sort());
      await store.removeAll(keys);
      expect((await other.list(`${folder}/`)).objects).toEqual([]);
    });

    it('is removed, also when it is gone already', async () => {
      const folder = fresh();
      const keys = Array.from({ length: 25 }, (_, index) => `${folder}/${index}`);
      await Promise.all(keys.map((key) => write(key, 'x')));
      await store.remove(keys[0] as string);
      await store.remove(keys[0] as string);
      await expect(other.head(keys[0] as string)).rejects.toBeInstanceOf(ObjectNotFound);
      await store.removeAll(keys);
      await store.removeAll(keys);
      await store.removeAll([]);
      expect((await other.list(`${folder}/`)).objects).toEqual([]);
    });
  });

  describe('a list', () => {
    it('is in the order of the bytes, in pages of any size, from any key', async () => {
      const folder = fresh();
      const names = ['a-b/x', 'a.b/x', 'a/x', 'a0', 'B/x/y', 'b/1', 'b/2', 'c'];
      if (keysAsFolders) names.push('a');
      for (const name of names) await write(`${folder}/${name}`, name);
      const all = names.map((name) => `${folder}/${name}`).sort(byBytes);
      for (const limit of [1, 2, 4, 1000]) {
        expect((await walk(other, `${folder}/`, { limit })).keys).toEqual(all);
      }
      for (const after of [all[2], `${folder}/a/`, `${folder}/zzz`]) {
        const { keys } = await walk(other, `${folder}/`, { limit: 3, after });
        expect(keys).toEqual(all.filter((key) => byBytes(key, after as string) > 0));
      }
      const [only] = (await other.list(`${folder}/c`)).objects;
      expect(only).toMatchObject({ key: `${folder}/c`, size: 1 });
      expect(only?.version).toBe((await other.head(`${folder}/c`)).version);
    });

    it('folds what is below a folder', async () => {
      const folder = fresh();
      for (const name of ['a/1', 'a/2', 'a-b/1', 'b', 'c/d/e'])
        await write(`${folder}/${name}`, '');
      for (const limit of [1, 2, 1000]) {
        const { keys, prefixes } = await walk(other, `${folder}/`, { limit, folded: true });
        expect(keys).toEqual([`${folder}/b`]);
        expect(prefixes.sort()).toEqual([`${folder}/a-b/`, `${folder}/a/`, `${folder}/c/`]);
      }
      const rest = await walk(other, `${folder}/`, { folded: true, after: `${folder}/a/` });
      expect(rest.prefixes).toEqual([`${folder}/c/`]);
    });

    it('tells at once what was written and removed', async () => {
      const folder = fresh();
      for (let turn = 0; turn < 20; turn++) {
        await write(`${folder}/${turn}`, 'x');
        expect((await other.list(`${folder}/`)).objects).toHaveLength(1);
        await store.remove(`${folder}/${turn}`);
        expect((await other.list(`${folder}/`)).objects).toEqual([]);
      }
    });
  });

  describe('a condition', () => {
    it('is kept as far as this server is known to', () => {
      expect(abilities).toEqual(can);
    });

    if (can.createsOnce)
      it('lets one of many create', async () => {
        for (let turn = 0; turn < 5; turn++) {
          const key = `${fresh()}/a`;
          const tried = await Promise.allSettled(
            Array.from({ length: 10 }, (_, index) =>
              (index % 2 ? store : other).put(key, bodyOf(`writer ${index}`), 'absent'),
            ),
          );
          const winners = tried.flatMap(({ status }, index) =>
            status === 'fulfilled' ? [index] : [],
          );
          expect(winners).toHaveLength(1);
          expect(await text(key)).toBe(`writer ${winners[0]}`);
          const reasons = tried.flatMap((each) =>
            each.status === 'rejected' ? [each.reason] : [],
          );
          expect(reasons.every((reason) => reason instanceof ConditionFailed)).toBe(true);
        }
      });

    if (can.replacesVersion)
      it('replaces the version that it names', async () => {
        const key = `${fresh()}/a`;
        const version = await write(key, 'one');
        await store.put(key, bodyOf('two'), { version });
        await expect(store.put(key, bodyOf('three'), { version })).rejects.toBeInstanceOf(
          ConditionFailed,
        );
        expect(await text(key)).toBe('two');
      });

    if (can.removesVersion)
      it('removes the version that it names', async () => {
        const key = `${fresh()}/a`;
        const old = await write(key, 'one');
        const version = await write(key, 'two');
        await expect(store.remove(key, old)).rejects.toBeInstanceOf(ConditionFailed);
        expect(await text(key)).toBe('two');
        await store.remove(key, version);
        await expect(store.head(key)).rejects.toBeInstanceOf(ObjectNotFound);
      });
  });

  describeLargeObjects(() => ({ store, other }), can);
}

async function walk(
  store: ObjectStore,
  prefix: string,
  request: { limit?: number; folded?: boolean; after?: string | undefined },
) {
  const keys: string[] = [];
  const prefixes: string[] = [];
  for (let next: string | undefined; ;) {
    const page = await store.list(prefix, { ...request, next });
    keys.push(...page.objects.map(({ key }) => key));
    prefixes.push(...page.prefixes);
    if (page.next === undefined) return { keys, prefixes };
    ({ next } = page);
  }
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
