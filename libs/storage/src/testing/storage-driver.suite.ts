import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ContentTooLarge, PathNotFound, type StorageDriver } from '../storage-driver.js';
import { describeComparedRemoval } from './compared-removal.suite.js';
import { type DriverTraits, traitsOfFolders } from './driver-traits.js';
import { describeFoldersWith } from './folders-with.suite.js';
import { describePut } from './put.suite.js';
import { Seeded } from './seeded.js';
import { describeUploadArea } from './upload-area.suite.js';
import { whole } from './whole.js';

export interface StorageUnderTest {
  readonly driver: StorageDriver;
  /** The same storage as another process sees it; the same object where it has only one. */
  readonly other: StorageDriver;
  readonly close: () => Promise<void>;
}

const limit = 1024;

/** What every storage driver does. A driver's spec calls this and adds only what is its own. */
export function describeStorageDriver(
  open: () => Promise<StorageUnderTest>,
  traits: DriverTraits = traitsOfFolders,
): void {
  let driver: StorageDriver;
  let other: StorageDriver;
  let close: () => Promise<void>;

  beforeEach(async () => {
    ({ driver, other, close } = await open());
  });
  afterEach(async () => close());

  const put = (path: string, content: string | Buffer) =>
    driver.put([{ path, content: Buffer.from(content) }]);
  const get = async (path: string, from = driver) => (await from.get(path, { limit })).toString();

  describe('get', () => {
    it('returns what was put, also by another process', async () => {
      await put('/a/b/link', 'hello');
      expect(await get('/a/b/link')).toBe('hello');
      expect(await get('/a/b/link', other)).toBe('hello');
    });

    it('returns an empty file', async () => {
      await put('/a/empty', '');
      expect(await get('/a/empty')).toBe('');
    });

    it.each(['/missing', '/missing/below', '/folder', '/folder/file/below'])(
      'finds no file at %s',
      async (path) => {
        await put('/folder/file', 'x');
        await expect(driver.get(path, { limit })).rejects.toBeInstanceOf(PathNotFound);
        await expect(driver.stat(path)).rejects.toBeInstanceOf(PathNotFound);
        await expect(driver.read(path)).rejects.toBeInstanceOf(PathNotFound);
        await expect(driver.confirm([path])).rejects.toBeInstanceOf(PathNotFound);
      },
    );

    it('accepts a file of exactly the limit and none that is larger', async () => {
      await put('/a', Buffer.alloc(100));
      expect(await driver.get('/a', { limit: 100 })).toHaveLength(100);
      await expect(driver.get('/a', { limit: 99 })).rejects.toBeInstanceOf(ContentTooLarge);
    });

    it('answers what another process put last, however often it was read before', async () => {
      for (let turn = 0; turn < 50; turn++) {
        await other.put([{ path: '/link', content: Buffer.from(`turn ${turn % 10}`) }]);
        expect(await get('/link')).toBe(`turn ${turn % 10}`);
        expect(await get('/link')).toBe(`turn ${turn % 10}`);
      }
    });
  });

  describe('stat', () => {
    it('tells size and time, and another version when the content is another', async () => {
      const before = Date.now() - 2000;
      await put('/a', 'one');
      const first = await driver.stat('/a');
      expect(first.size).toBe(3);
      expect(first.modifiedAt).toBeGreaterThan(before);
      expect(first.modifiedAt).toBeLessThan(Date.now() + 2000);
      await put('/a', 'eleven');
      const second = await driver.stat('/a');
      expect(second.size).toBe(6);
      const told = first.version !== undefined;
      expect(told && second.version === first.version).toBe(false);
    });
  });

  describe('read', () => {
    const bytes = new Seeded(7).bytes(1_000_003);
    bytes.writeUInt32BE(0xdecade, 262_142);

    it('gives every byte', async () => {
      await put('/blob', bytes);
      const content = await driver.read('/blob');
      expect(content.size).toBe(bytes.length);
      expect(bytes.equals(await whole(content))).toBe(true);
    });

    it.each([
      [0, 0],
      [1, 262_143],
      [262_140, 262_150],
      [999_999, 1_000_002],
      [5, 4],
    ])('gives the bytes from %d to %d and knows the whole size', async (start, end) => {
      await put('/blob', bytes);
      const content = await driver.read('/blob', { start, end });
      expect(content.size).toBe(bytes.length);
      expect(bytes.subarray(start, end + 1).equals(await whole(content))).toBe(true);
    });

    it('gives nothing of an empty file', async () => {
      await put('/blob', '');
      expect(await whole(await driver.read('/blob'))).toHaveLength(0);
    });

    it('can be left in the middle, before the first chunk, or never begun', async () => {
      await put('/blob', bytes);
      for await (const chunk of await driver.read('/blob')) {
        expect(chunk.length).toBeGreaterThan(0);
        break;
      }
      await (await driver.read('/blob'))[Symbol.asyncIterator]().return?.();
      await (await driver.read('/blob')).close();
    });

    it('goes on with the old bytes while the file is replaced and removed', async () => {
      await put('/blob', bytes);
      const content = await driver.read('/blob');
      await put('/blob', 'new');
      await driver.remove('/blob');
      expect(bytes.equals(await whole(content))).toBe(true);
    });
  });

  describePut(() => ({ driver, other }));

  describe('create', () => {
    it('leaves what is there', async () => {
      expect(await driver.create({ path: '/n/a', content: Buffer.from('1') })).toBe(true);
      expect(await other.create({ path: '/n/a', content: Buffer.from('2') })).toBe(false);
      expect(await get('/n/a')).toBe('1');
    });

    if (traits.compares)
      it('lets one of many succeed', async () => {
        const tries = Array.from({ length: 12 }, (_, index) =>
          (index % 2 ? driver : other).create({ path: '/n/b', content: Buffer.from(`${index}`) }),
        );
        const winners = (await Promise.all(tries)).flatMap((won, index) => (won ? [index] : []));
        expect(winners).toHaveLength(1);
        expect(await get('/n/b')).toBe(String(winners[0]));
      });
  });

  describe('confirm', () => {
    it('accepts what anybody wrote', async () => {
      await put('/a/1', 'x');
      await other.putVolatile({ path: '/a/2', content: Buffer.from('y') });
      await driver.confirm(['/a/1', '/a/2']);
      await driver.confirm(['/a/1', '/a/2']);
      expect(await get('/a/2')).toBe('y');
    });
  });

  describe('remove', () => {
    it('removes a file, and minds nothing if there is none', async () => {
      await put('/a/b', 'x');
      await driver.remove('/a/b');
      await driver.remove('/a/b');
      await driver.remove('/no/such/folder');
      await expect(other.get('/a/b', { limit })).rejects.toBeInstanceOf(PathNotFound);
      expect(await driver.list('/a')).toEqual([]);
    });
  });

  describe('removeFolder and removeTree', () => {
    it('removes a folder that is empty and leaves one that is not', async () => {
      await put('/f/g/file', 'x');
      expect(await driver.removeFolder('/f/g')).toBe(!traits.knowsFolders);
      expect(await driver.removeFolder('/f')).toBe(!traits.knowsFolders);
      expect(await get('/f/g/file', other)).toBe('x');
      await driver.remove('/f/g/file');
      expect(await driver.removeFolder('/f/g')).toBe(true);
      expect(await driver.removeFolder('/f/g')).toBe(true);
      expect(await driver.list('/f')).toEqual([]);
    });

    it('removes a tree and nothing beside it', async () => {
      for (const path of ['/t/a/b/c', '/t/a/d', '/t/ab/e']) await put(path, 'x');
      await driver.removeTree('/t/a');
      await driver.removeTree('/t/none');
      expect(await driver.list('/t')).toEqual([{ name: 'ab', kind: 'folder' }]);
      expect(await driver.list('/t/a')).toEqual([]);
    });
  });

  describe('list', () => {
    it('gives files and folders in the order of their bytes', async () => {
      const names = ['a', 'B', 'a-b', 'a.b', 'a0', '_x', '10', '9', '\u{1f600}', '\ufb01', 'é'];
      for (const name of names) await put(`/l/${name}/file`, 'x');
      await put('/l/file', 'x');
      const expected = [...names, 'file']
        .map((name) => Buffer.from(name))
        .sort((a, b) => a.compare(b));
      const listed = await driver.list('/l');
      expect(listed.map(({ name }) => name)).toEqual(expected.map(String));
      expect(listed.find(({ name }) => name === 'file')?.kind).toBe('file');
      expect(listed.filter(({ kind }) => kind === 'folder')).toHaveLength(names.length);
    });

    it('gives nothing where there is no folder', async () => {
      await put('/l/file', 'x');
      expect(await driver.list('/none')).toEqual([]);
      expect(await driver.list('/l/file')).toEqual([]);
    });
  });

  describeFoldersWith(() => ({ driver, other }));
  describeComparedRemoval(() => ({ driver, other }), traits);
  describeUploadArea(() => ({ driver, other }), traits);
}
