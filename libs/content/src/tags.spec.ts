import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Digest } from '#oci/digest.js';
import { ManifestUnknown } from '#oci/errors.js';
import { parseTag } from '#oci/reference.js';
import { StorageUnavailable } from '#storage/storage-driver.js';

import { tagIndexLinkPath, tagLinkPath } from './paths.js';
import {
  drivers,
  emptyConfig,
  imageManifest,
  type OpenDriver,
  openFolder,
  repository,
  TestRegistry,
} from './testing/registry.js';

const nobodyPushes = async () => false;

const tagged = (...names: readonly string[]) => names.map(parseTag);

describe.each(drivers)('Tags %s', (_where, open) => {
  let storage: OpenDriver;
  let registry: TestRegistry;
  let first: Digest;
  let second: Digest;

  beforeEach(async () => {
    storage = await open();
    registry = await TestRegistry.on(storage.driver);
    await registry.pushBlob(repository, emptyConfig);
    first = await registry.pushManifest(repository, imageManifest());
    second = await registry.pushManifest(repository, imageManifest());
  });

  afterEach(() => storage.close());

  const set = (digest: Digest, ...names: readonly string[]) => {
    const files = tagged(...names).map((tag) => registry.tags.filesFor(repository, tag, digest));
    return storage.driver.put(
      files.map(({ before }) => before),
      files.map(({ last }) => last),
    );
  };
  const setRaw = (tag: string, content: string) =>
    storage.driver.put([
      { path: tagLinkPath(repository, parseTag(tag)), content: Buffer.from(content) },
    ]);
  const list = (limit: number, after?: string) => registry.tags.list(repository, { limit, after });
  const resolve = (tag: string) => registry.tags.resolve(repository, parseTag(tag));

  it('lists in ASCII order, upper case first', async () => {
    await set(first, 'b', 'a', 'B', '1', '_', '10', '1.0', '1-0', 'a.b', '0.1.2', '0.1.20');
    const { tags, more } = await list(100);
    expect(tags).toEqual(['0.1.2', '0.1.20', '1', '1-0', '1.0', '10', 'B', '_', 'a', 'a.b', 'b']);
    expect(more).toBe(false);
  });

  it('gives pages that together are the whole list, whatever their size', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `t${index}`);
    await set(first, ...names);
    for (const limit of [1, 7, 49, 50, 51]) {
      const found: string[] = [];
      for (let more = true; more;) {
        const page = await list(limit, found.at(-1));
        expect(page.tags.length).toBeLessThanOrEqual(limit);
        found.push(...page.tags);
        ({ more } = page);
      }
      expect(found).toEqual(names.toSorted());
    }
  });

  it('goes on after a tag that is not there, and after anything that is no tag', async () => {
    await set(first, 'a', 'c');
    expect((await list(9, 'b')).tags).toEqual(['c']);
    expect((await list(9, 'c')).tags).toEqual([]);
    expect((await list(9, '')).tags).toEqual(['a', 'c']);
    expect((await list(9, '../..')).tags).toEqual(['a', 'c']);
    expect((await list(9, '\u{1f600}')).tags).toEqual([]);
  });

  it('finds nothing where there is nothing', async () => {
    expect(await list(9)).toEqual({ tags: [], more: false });
    await expect(resolve('a')).rejects.toThrow(ManifestUnknown);
    await expect(registry.tags.delete(repository, parseTag('a'))).rejects.toThrow(ManifestUnknown);
  });

  it('deletes one tag and leaves the others', async () => {
    await set(first, 'a', 'a-b', 'a.b');
    await registry.tags.delete(repository, parseTag('a'));
    expect((await list(9)).tags).toEqual(['a-b', 'a.b']);
    expect(await resolve('a-b')).toEqual(first);
  });

  it('gives a page as short as the tags are, with what is no tag between them', async () => {
    await set(first, 'a', 'b');
    const folder = tagLinkPath(repository, parseTag('a')).replace('/a/current/link', '');
    const noTags = ['.', '~'].flatMap((sign) =>
      Array.from({ length: 9 }, (_, index) => `${folder}/a${sign}!${index}/current/link`),
    );
    await storage.driver.put(noTags.map((path) => ({ path, content: Buffer.from('x') })));
    expect(await list(2)).toEqual({ tags: ['a', 'b'], more: expect.any(Boolean) });
    expect(await list(3)).toEqual({ tags: ['a', 'b'], more: false });
  });

  it('deletes the tags of a digest and leaves those that point elsewhere', async () => {
    await set(first, ...Array.from({ length: 100 }, (_, index) => `t${index}`));
    await set(second, 't7', 'other');
    const removed = await registry.tags.deleteAllOf(repository, first, nobodyPushes);
    expect(removed).toHaveLength(99);
    expect((await list(9)).tags).toEqual(['other', 't7']);
  });

  // Row D5.
  it.each(['', 'garbage', 'sha256:abc', 'x'.repeat(10_000), `md5:${'0'.repeat(32)}`])(
    'is not disturbed by a link that says %.20j, which can be deleted',
    async (content) => {
      await set(first, 'a', 'z');
      await setRaw('m', content);
      await expect(resolve('m')).rejects.toThrow(ManifestUnknown);
      expect((await list(9)).tags.filter((tag) => tag !== 'm')).toEqual(['a', 'z']);
      expect(await registry.tags.deleteAllOf(repository, second, nobodyPushes)).toEqual([]);
      await registry.tags.delete(repository, parseTag('m'));
      expect((await list(9)).tags).toEqual(['a', 'z']);
    },
  );

  it('takes a link with a line break, as an editor leaves it', async () => {
    await setRaw('a', `${first.toString()}\n`);
    expect(await resolve('a')).toEqual(first);
  });

  it('is not disturbed by what is not a tag', async () => {
    await set(first, 'a');
    const folder = tagLinkPath(repository, parseTag('a')).replace('/a/current/link', '');
    await storage.driver.put([
      { path: `${folder}/.hidden/current/link`, content: Buffer.from(first.toString()) },
      {
        path: `${folder}/b/current/link/file`,
        content: Buffer.from('a folder in place of a link'),
      },
      { path: `${folder}/c/other`, content: Buffer.from('no link') },
      { path: `${folder}/README`, content: Buffer.from('a file') },
    ]);
    expect((await list(9)).tags).toEqual(['a']);
    expect(await registry.tags.deleteAllOf(repository, first, nobodyPushes)).toEqual(['a']);
  });

  // Row E2: compare, then delete.
  it('loses no tag that is moved while the digest it pointed to is deleted', async () => {
    let lost = 0;
    for (let round = 0; round < 50; round++) {
      const old = await registry.pushManifest(repository, imageManifest(), 'moving', 'staying');
      const [moved] = await Promise.all([
        registry.pushManifest(repository, imageManifest(), 'moving'),
        registry.manifests.delete(repository, old),
      ]);
      const target = await resolve('moving').catch(() => undefined);
      if (target === undefined || !target.equals(moved)) lost++;
      else await registry.manifests.get(repository, target);
      await expect(resolve('staying')).rejects.toThrow(ManifestUnknown);
    }
    expect(lost).toBe(0);
  }, 60_000);

  it.each([
    ['puts back', 'if their manifest was pushed again', true],
    ['leaves away', 'if their manifest is gone', false],
  ])(
    '%s what a delete took before the storage went away, when it is there again, %s',
    async (_what, _when, wasPushed) => {
      await set(first, 'x');
      let state: 'before' | 'away' | 'back' = 'before';
      let looks = 0;
      const isBack = async () => {
        looks++;
        if (state === 'back') return wasPushed;
        if (state === 'away') throw new StorageUnavailable('away');
        state = 'away';
        return false;
      };
      const deleting = registry.tags.deleteAllOf(repository, first, isBack);
      await expect(deleting).rejects.toThrow(StorageUnavailable);
      await expect(resolve('x')).rejects.toThrow(ManifestUnknown);
      state = 'back';
      const before = looks;
      while (looks === before) await delay(10);
      for (let turn = 0; turn < 1000 && wasPushed; turn++) {
        if (await resolve('x').catch(() => undefined)) break;
        await delay(10);
      }
      const target = await resolve('x').catch(() => undefined);
      expect(target).toEqual(wasPushed ? first : undefined);
    },
  );
});

describe('Tags on a disk', () => {
  it('are in their index, also when set while their folder is emptied', async () => {
    const { driver, close } = await openFolder();
    try {
      const registry = await TestRegistry.on(driver);
      await registry.pushBlob(repository, emptyConfig);
      await registry.pushManifest(repository, imageManifest(), 'again');
      const removeTree = driver.removeTree.bind(driver);
      let next: Digest | undefined;
      driver.removeTree = async (path) => {
        next = await registry.pushManifest(repository, imageManifest(), 'again');
        await removeTree(path);
      };
      const again = parseTag('again');
      await registry.tags.delete(repository, again);
      expect(next && (await registry.tags.resolve(repository, again))).toEqual(next);
      const index = next && tagIndexLinkPath(repository, again, next);
      await expect(driver.stat(index ?? '')).resolves.toMatchObject({ size: 71 });
    } finally {
      await close();
    }
  });
});
