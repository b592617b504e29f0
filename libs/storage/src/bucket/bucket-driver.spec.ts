import { describe, expect, it } from '@jest/globals';

import { PathNotFound } from '../storage-driver.js';
import { traitsOfBuckets, traitsOfPlainBuckets } from '../testing/driver-traits.js';
import { bodyOf } from '../testing/object-bodies.js';
import { ObjectsDouble, ObjectStoreDouble } from '../testing/object-store-double.js';
import { describeObjectStore } from '../testing/object-store.suite.js';
import { describeStorageDriver } from '../testing/storage-driver.suite.js';
import { BucketDriver } from './bucket-driver.js';
import { ConditionFailed, type StoreAbilities } from './object-store.js';
import { removalMark } from './removal-mark.js';

const everything = { createsOnce: true, replacesVersion: true, removesVersion: true };

const kinds: readonly [string, StoreAbilities][] = [
  ['every condition', everything],
  ['no compared removal', { createsOnce: true, replacesVersion: true, removesVersion: false }],
  ['no condition', { createsOnce: false, replacesVersion: false, removesVersion: false }],
];

describe.each(kinds)('a double of a store with %s', (_kind, abilities) => {
  const two = () => {
    const objects = new ObjectsDouble();
    const open = () => new ObjectStoreDouble({ objects, abilities });
    return { store: open(), other: open() };
  };

  describe('ObjectStoreDouble', () => {
    describeObjectStore(async () => ({ ...two(), close: async () => {} }), abilities);
  });

  describe('BucketDriver', () => {
    describeStorageDriver(
      async () => {
        const { store, other } = two();
        return {
          driver: await BucketDriver.connect(store),
          other: await BucketDriver.connect(other),
          close: async () => {},
        };
      },
      abilities.createsOnce ? traitsOfBuckets : traitsOfPlainBuckets,
    );
  });
});

describe('BucketDriver on short pages', () => {
  describeStorageDriver(async () => {
    const objects = new ObjectsDouble();
    const open = () => BucketDriver.connect(new ObjectStoreDouble({ objects, pageSize: 3 }));
    return { driver: await open(), other: await open(), close: async () => {} };
  }, traitsOfBuckets);
});

describe('BucketDriver', () => {
  const open = async (pageSize = 1000) => {
    const store = new ObjectStoreDouble({ pageSize });
    const driver = await BucketDriver.connect(store);
    const write = (key: string, content = 'x') => store.put(key, bodyOf(content));
    return { store, driver, write };
  };

  it('is not led astray by objects that are no files', async () => {
    const { driver, write } = await open();
    const junk = ['a/', 'a/b/', 'a/b/c/', 'a//', 'a//x', 'a/b', 'a/link', 'a/c/current/', 'a/c'];
    for (const key of [...junk, 'a/b/current/link', 'a/d/current/link/x']) await write(key);
    expect(await driver.list('/a')).toEqual([
      { name: 'b', kind: 'file' },
      { name: 'b', kind: 'folder' },
      { name: 'c', kind: 'file' },
      { name: 'c', kind: 'folder' },
      { name: 'd', kind: 'folder' },
      { name: 'link', kind: 'file' },
    ]);
    const page = await driver.foldersWith('/a', 'current/link');
    expect(page).toEqual({ names: ['b'], more: false });
    await driver.removeTree('/a');
    expect(await driver.list('/a')).toEqual([]);
  });

  it('walks past all that is in one folder', async () => {
    const { driver, store, write } = await open(10);
    for (const name of ['a', 'b', 'c']) {
      await write(`t/${name}/current/link`);
      for (let index = 0; index < 500; index++) await write(`t/${name}/index/${index}/link`);
    }
    store.calls.length = 0;
    const { names } = await driver.foldersWith('/t', 'current/link');
    expect(names).toEqual(['a', 'b', 'c']);
    expect(store.calls.length).toBeLessThan(10);
    store.calls.length = 0;
    const indexed = await driver.foldersWith('/t', 'index/77/link');
    expect(indexed.names).toEqual(['a', 'b', 'c']);
    expect(store.calls.length).toBeLessThan(16);
  });

  it('lists no further than a page needs', async () => {
    const { driver, store, write } = await open();
    for (let index = 0; index < 3000; index++) await write(`t/1.${index}/current/link`);
    await write('t/1/current/link');
    store.calls.length = 0;
    const page = await driver.foldersWith('/t', 'current/link', { limit: 3 });
    expect(page).toEqual({ names: ['1', '1.0', '1.1'], more: true });
    expect(store.calls.toSorted()).toEqual(['head', 'list']);
  });

  it('takes nothing but the mark for one', async () => {
    const { driver, store } = await open();
    const content = Buffer.alloc(removalMark.length, 'x');
    await driver.put([{ path: '/t/a/link', content }]);
    await store.put('t/b/link', bodyOf(removalMark));
    await store.put('t/marked', bodyOf(removalMark));
    expect((await driver.get('/t/a/link', { limit: 200 })).equals(content)).toBe(true);
    expect((await driver.stat('/t/a/link')).size).toBe(content.length);
    await expect(driver.get('/t/b/link', { limit: 9 })).rejects.toBeInstanceOf(PathNotFound);
    expect((await driver.list('/t')).map(({ name }) => name)).toEqual(['a', 'b']);
    expect((await driver.foldersWith('/t', 'link')).names).toEqual(['a']);
  });

  describe('the last file of a write', () => {
    /** Another writes when this one has looked. */
    const writeWhile = async (meanwhile: (objects: ObjectsDouble) => Promise<unknown> | void) => {
      const objects = new ObjectsDouble();
      let turn = 0;
      const before = async (operation: string, key: string) => {
        if (operation === 'put' && key === 'a' && ++turn === 1) await meanwhile(objects);
      };
      const driver = await BucketDriver.connect(new ObjectStoreDouble({ objects, before }));
      await new ObjectStoreDouble({ objects }).put('a', bodyOf('old'));
      const write = driver.put([], [{ path: '/a', content: Buffer.from('own') }]);
      return { write, content: () => objects.objects.get('a')?.content.toString() };
    };
    const rival = (objects: ObjectsDouble) =>
      new ObjectStoreDouble({ objects }).put('a', bodyOf('other'));

    it('was overwritten when another wrote after the look', async () => {
      const { write, content } = await writeWhile(rival);
      await write;
      expect(content()).toBe('other');
    });

    it('is written where the file was removed after the look', async () => {
      const { write, content } = await writeWhile((objects) => void objects.objects.delete('a'));
      await write;
      expect(content()).toBe('own');
    });

    it('fails where the file was removed, and it may have been this one', async () => {
      const { write, content } = await writeWhile((objects) => {
        objects.objects.delete('a');
        throw new ConditionFailed('a', true);
      });
      await expect(write).rejects.toThrow('a was changed while it was written');
      expect(content()).toBeUndefined();
    });

    it('is not taken for overwritten where nobody wrote', async () => {
      let refusals = 0;
      const { write, content } = await writeWhile(() => {
        refusals++;
        throw new ConditionFailed('a');
      });
      await write;
      expect([refusals, content()]).toEqual([1, 'own']);
    });

    it('is done where it may have been written, and another is there', async () => {
      const { write, content } = await writeWhile(async (objects) => {
        await rival(objects);
        throw new ConditionFailed('a', true);
      });
      await write;
      expect(content()).toBe('other');
    });
  });

  it('gives up a comparison that others spoil all the time', async () => {
    const objects = new ObjectsDouble();
    const other = new ObjectStoreDouble({ objects });
    let turn = 0;
    const before = async (operation: string) => {
      // Other content each time would be another answer; the version changes, the content does not.
      if (operation === 'remove') objects.objects.set('a', { ...kept(), version: `${++turn}` });
    };
    const kept = () => objects.objects.get('a') ?? raise();
    const driver = await BucketDriver.connect(new ObjectStoreDouble({ objects, before }));
    await other.put('a', bodyOf('same'));
    await expect(driver.removeIf('/a', Buffer.from('same'))).rejects.toThrow('all the time');
  });
});

function raise(): never {
  throw new Error('the object is gone');
}
