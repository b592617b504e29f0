import { createHash, randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';

import { describe, expect, it } from '@jest/globals';

import {
  ConditionFailed,
  type DraftPiece,
  ObjectNotFound,
  type ObjectStore,
  type StoreAbilities,
  type StoredObject,
} from '../bucket/object-store.js';
import { bodyOf, streamOf } from './object-bodies.js';

const MiB = 1024 * 1024;

/** What an object store does with what is too large for one request; a part of the suite of object stores. */
export function describeLargeObjects(
  opened: () => { readonly store: ObjectStore; readonly other: ObjectStore },
  can: StoreAbilities,
): void {
  let folders = 0;
  const fresh = () => `large/${++folders}`;
  const write = (key: string, content: string | Buffer) => opened().store.put(key, bodyOf(content));
  const text = async (key: string) =>
    (await opened().other.get(key, { limit: 4096 })).content.toString();

  describe('a draft', () => {
    it('is seen by nobody until it is complete', async () => {
      const { store, other } = opened();
      const key = `${fresh()}/large`;
      const bytes = randomBytes(2 * store.limits.pieceSize + 12_345);
      const pieces: DraftPiece[] = [];
      const draft = await store.begin(key, 'writer-1');
      for (let start = 0; start < bytes.length; start += store.limits.pieceSize) {
        const piece = bytes.subarray(start, start + store.limits.pieceSize);
        pieces.push(await store.add(draft, pieces.length + 1, streamOf(piece)));
      }
      await expect(other.head(key)).rejects.toBeInstanceOf(ObjectNotFound);
      expect((await other.list(key)).objects).toEqual([]);
      const version = await store.complete(draft, pieces, 'absent');
      const head = await other.head(key);
      expect(head).toMatchObject({ size: bytes.length, version });
      expect(sha256(await buffer((await other.read(key)).stream))).toBe(sha256(bytes));
      // The answer may have been lost: asked again it says the same.
      expect(await store.complete(draft, pieces, 'absent')).toBe(version);
    }, 60_000);

    it('leaves nothing when it is discarded', async () => {
      const { store, other } = opened();
      const folder = fresh();
      const draft = await store.begin(`${folder}/large`, 'writer-2');
      await store.add(draft, 1, bodyOf(randomBytes(MiB)));
      await store.discard(draft);
      await store.discard(draft);
      expect((await other.list(`${folder}/`)).objects).toEqual([]);
    });

    if (can.createsOnce)
      it('of another writer does not disturb it, and one of two completes where there is nothing', async () => {
        const { store } = opened();
        if (!store.limits.separateDrafts) return;
        const key = `${fresh()}/large`;
        const writers = ['writer-3', 'writer-4'];
        const drafts = await Promise.all(writers.map((writer) => store.begin(key, writer)));
        const pieces = await Promise.all(
          drafts.map((draft, index) => store.add(draft, 1, bodyOf(`from ${writers[index]}`))),
        );
        const tried = await Promise.allSettled(
          drafts.map((draft, index) =>
            store.complete(draft, [pieces[index] as DraftPiece], 'absent'),
          ),
        );
        const won = tried.findIndex(({ status }) => status === 'fulfilled');
        const lost = tried[1 - won];
        expect(lost?.status === 'rejected' && lost.reason).toBeInstanceOf(ConditionFailed);
        expect(await text(key)).toBe(`from ${writers[won]}`);
        await store.discard(drafts[1 - won] as (typeof drafts)[0]);
      });
  });

  describe('a join', () => {
    const sourcesOf = async (folder: string, contents: readonly Buffer[]) => {
      const sources: StoredObject[] = [];
      for (const [index, content] of contents.entries()) {
        const key = `${folder}/part-${index}`;
        await write(key, content);
        sources.push(await opened().other.head(key));
      }
      return sources;
    };

    it.each([
      ['one', [3 * MiB]],
      ['an empty one', [0]],
      ['small ones', [1, 2, 3]],
      ['large ones', [5 * MiB, 6 * MiB, 17]],
      ['mixed ones', [1, 5 * MiB - 1, 5 * MiB + 1, 100, 8 * MiB, 3, 3]],
      ['many', Array.from({ length: 40 }, (_, index) => 1000 + index)],
    ])(
      'of %s is their bytes one after the other',
      async (_what, sizes) => {
        const { store, other } = opened();
        const folder = fresh();
        const contents = sizes.map((size) => randomBytes(size));
        const sources = await sourcesOf(folder, contents);
        await store.join(sources, `${folder}/joined`);
        const joined = await other.read(`${folder}/joined`);
        expect(joined.size).toBe(sizes.reduce((sum, size) => sum + size, 0));
        expect(sha256(await buffer(joined.stream))).toBe(sha256(Buffer.concat(contents)));
        await store.removeAll(sources.map(({ key }) => key));
        const still = await other.read(`${folder}/joined`);
        expect(sha256(await buffer(still.stream))).toBe(sha256(Buffer.concat(contents)));
      },
      120_000,
    );

    it('takes no source that is gone or was replaced', async () => {
      const { store, other } = opened();
      const folder = fresh();
      const sources = await sourcesOf(folder, [randomBytes(MiB), randomBytes(10)]);
      await write((sources[1] as StoredObject).key, randomBytes(10));
      await expect(store.join(sources, `${folder}/joined`)).rejects.toBeInstanceOf(ConditionFailed);
      await store.remove((sources[1] as StoredObject).key);
      const gone = await store.join(sources, `${folder}/joined`).catch((error: unknown) => error);
      expect(gone instanceof ObjectNotFound || gone instanceof ConditionFailed).toBe(true);
      await expect(other.head(`${folder}/joined`)).rejects.toBeInstanceOf(ObjectNotFound);
    });
  });

  it('sweeps drafts that are older than that, and nothing else', async () => {
    const { store } = opened();
    const folder = fresh();
    await write(`${folder}/kept`, 'x');
    const draft = await store.begin(`${folder}/large`, 'writer-5');
    await store.add(draft, 1, bodyOf(randomBytes(MiB)));
    for await (const name of store.sweep(Date.now() - 3_600_000, { dryRun: false })) {
      expect(name).toBe('nothing is that old');
    }
    for await (const name of store.sweep(Date.now() + 3_600_000, { dryRun: true })) {
      expect(name).not.toBe('');
    }
    const swept: string[] = [];
    for await (const name of store.sweep(Date.now() + 3_600_000, { dryRun: false }))
      swept.push(name);
    expect(await text(`${folder}/kept`)).toBe('x');
  });
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
