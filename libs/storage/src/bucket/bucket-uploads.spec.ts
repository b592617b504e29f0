import { afterEach, describe, expect, it } from '@jest/globals';

import { StorageUnavailable } from '../storage-driver.js';
import { append } from '../testing/lines.js';
import {
  type DoubleOptions,
  ObjectsDouble,
  ObjectStoreDouble,
} from '../testing/object-store-double.js';
import { Seeded } from '../testing/seeded.js';
import { whole } from '../testing/whole.js';
import type { PartWriter } from '../upload-area.js';
import { BucketDriver } from './bucket-driver.js';

const pieceSize = 64 * 1024;

describe('BucketUploads', () => {
  const opened: BucketDriver[] = [];
  const open = async (options: DoubleOptions = {}) => {
    const store = new ObjectStoreDouble(options);
    const driver = await BucketDriver.connect(store);
    opened.push(driver);
    return { store, driver, uploads: driver.uploads };
  };
  afterEach(async () => {
    for (const driver of opened.splice(0)) await driver.close();
  });
  const contentOf = async (driver: BucketDriver, path: string) => whole(await driver.read(path));

  describe('calls', () => {
    const link = { path: '/links/x', content: Buffer.from('x') };

    it('two for a body with its digest that is small', async () => {
      const { store, uploads } = await open();
      const purpose = { newborn: true, destination: '/data' };
      const writer = await uploads.claim('s', undefined, purpose);
      await append(writer, 'x');
      await writer.commit('/data', [link]);
      expect(store.calls).toEqual(['put', 'put']);
    });

    it('two more than pieces for one that is large', async () => {
      const { store, uploads } = await open();
      const purpose = { newborn: true, destination: '/data' };
      const writer = await uploads.claim('s', undefined, purpose);
      await writer.write(Buffer.alloc(3 * pieceSize));
      await writer.commit('/data', [link]);
      expect(store.calls).toEqual(['begin', 'add', 'add', 'add', 'complete', 'put']);
    });

    it('six for a chunk and its commit', async () => {
      const { store, uploads } = await open();
      const writer = await uploads.claim('s', undefined);
      await append(writer, 'x');
      const parts = await writer.finish();
      const last = await uploads.claim('s', parts, { complete: true, destination: '/data' });
      await last.commit('/data', [link]);
      expect(store.calls).toEqual(['list', 'put', 'head', 'join', 'put', 'removeAll']);
    });

    it('none to begin, and to give up what was not sent', async () => {
      const { store, uploads } = await open();
      const writer = await uploads.claim('s', undefined, { newborn: true });
      await append(writer, 'x');
      await writer.abandon();
      expect(store.calls).toEqual([]);
    });
  });

  it('sends nothing before a piece is full, and then all of one size', async () => {
    const sizes: number[] = [];
    const { store, uploads } = await open();
    const add = store.add.bind(store);
    store.add = async (draft, number, body) => {
      sizes[number - 1] = body.size;
      return add(draft, number, body);
    };
    const random = new Seeded(9);
    const writer = await uploads.claim('s', undefined, { newborn: true });
    await writer.write(Buffer.alloc(pieceSize));
    expect(store.calls).toEqual([]);
    let size = pieceSize;
    while (size < 20 * pieceSize) {
      const chunk = random.bytes(1 + random.below(3 * pieceSize));
      size += chunk.length;
      await writer.write(chunk);
    }
    await writer.finish();
    const last = sizes.pop() ?? 0;
    expect(new Set(sizes)).toEqual(new Set([pieceSize]));
    expect(last).toBe(size - sizes.length * pieceSize);
    expect(last).toBeLessThanOrEqual(pieceSize);
  });

  it.each([
    ['early, when little memory is left', 2 * pieceSize, ['begin', 'add']],
    ['not early where all pieces must have one size', 8 * pieceSize, []],
  ])('sends a piece %s', async (_when, smallestPiece, expected) => {
    const store = new ObjectStoreDouble({ limits: { pieceSize: 8 * pieceSize, smallestPiece } });
    const driver = await BucketDriver.connect(store, { uploadMemory: 8 * pieceSize });
    opened.push(driver);
    const writer = await driver.uploads.claim('s', undefined, { newborn: true });
    const content = new Seeded(1).bytes(7.5 * pieceSize);
    for (let start = 0; start < content.length; start += pieceSize) {
      await writer.write(Buffer.from(content.subarray(start, start + pieceSize)));
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(store.calls).toEqual(expected);
    await writer.commit('/data', []);
    expect((await contentOf(driver, '/data')).equals(content)).toBe(true);
  });

  it('makes pieces larger where there would be too many, up to the largest object', async () => {
    const limits = { pieceSize: 1000, mostPieces: 20, largestPiece: 8000, largestObject: 50_000 };
    const { driver, store, uploads } = await open({ limits });
    expect(uploads.maximumSize).toBe(50_000);
    const bytes = Buffer.from(new Seeded(2).bytes(50_000));
    const writer = await uploads.claim('s', undefined, { newborn: true, destination: '/data' });
    for (let start = 0; start < bytes.length; start += 777) {
      await writer.write(Buffer.from(bytes.subarray(start, start + 777)));
    }
    await writer.commit('/data', []);
    expect((await contentOf(driver, '/data')).equals(bytes)).toBe(true);
    expect(store.calls.filter((call) => call === 'add').length).toBeLessThanOrEqual(20);
  });

  it('refuses early what the store cannot hold', async () => {
    const limits = { pieceSize: 1000, mostPieces: 3, largestPiece: 1000 };
    const { uploads } = await open({ limits });
    expect(uploads.maximumSize).toBe(3000);
    const writer = await uploads.claim('s', undefined, { newborn: true });
    await writer.write(Buffer.alloc(3000));
    await expect(writer.write(Buffer.alloc(1))).rejects.toThrow('more than the 3000 bytes');
    await writer.abandon();
  });

  it('says that a write failed as soon as a piece did, and leaves nothing', async () => {
    const objects = new ObjectsDouble();
    const { driver, uploads } = await open({
      objects,
      before: (operation) => {
        if (operation === 'add') throw new StorageUnavailable('it is throttling');
      },
    });
    const writer = await uploads.claim('s', undefined, { newborn: true });
    const writeOn = async () => {
      for (let turn = 0; turn < 100; turn++) await writer.write(Buffer.alloc(pieceSize));
    };
    await expect(writeOn()).rejects.toThrow('it is throttling');
    await expect(writer.finish()).rejects.toThrow('it is throttling');
    await driver.close();
    expect([objects.objects.size, objects.drafts.size]).toEqual([0, 0]);
  });

  it('lets the fast go on while the store does not answer, in bounded memory', async () => {
    const stuck = Promise.withResolvers<void>();
    const { uploads } = await open({
      before: (operation) => (operation === 'add' ? stuck.promise : undefined),
    });
    const writer = await uploads.claim('s', undefined, { newborn: true });
    let written = 0;
    const writing = (async () => {
      while (written < 100) {
        await writer.write(Buffer.alloc(pieceSize));
        written++;
      }
    })();
    const turns = async (count: number) => {
      for (let turn = 0; turn < count; turn++) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await turns(200);
    // Two pieces are on their way, one is full, and the next has begun to wait.
    expect(written).toBe(3);
    stuck.resolve();
    await writing;
    expect((await writer.finish()).size).toBe(100 * pieceSize);
  });

  it('reads what was not sent yet, what was, and what is in pieces', async () => {
    const { uploads } = await open();
    const first = await uploads.claim('s', undefined);
    await append(first, 'one ');
    const parts = await first.finish();
    const small = await uploads.claim('s', parts);
    await append(small, 'two');
    expect((await whole(small.read())).toString()).toBe('one two');
    await small.abandon();
    const large = await uploads.claim('s', parts, { destination: '/data' });
    const bytes = new Seeded(1).bytes(3 * pieceSize);
    await large.write(Buffer.from(bytes));
    expect((await whole(large.read())).subarray(4).equals(bytes)).toBe(true);
    await large.commit('/data', []);
    expect(await uploads.find('s')).toBeUndefined();
  });

  /** Acts out an upload with a store that dies at one step, on each step in turn, and then with one that is well. */
  async function dieAtEachStep(
    act: (driver: BucketDriver, bytes: Buffer) => Promise<void>,
    when: 'before' | 'after',
  ): Promise<{ steps: number; corrupt: number; lost: number }> {
    const counts = { steps: 0, corrupt: 0, lost: 0 };
    const bytes = Buffer.from(new Seeded(8).bytes(3 * pieceSize + 5));
    for (let at = 1; ; at++) {
      const objects = new ObjectsDouble();
      let step = 0;
      const dead = () => {
        if (++step >= at) throw new StorageUnavailable('it died');
      };
      const dying = await open({ objects, [when]: dead });
      const acknowledged = await act(dying.driver, bytes).then(
        () => true,
        () => false,
      );
      counts.steps = at;
      const { driver } = await open({ objects });
      const there = await driver.stat('/data').catch(() => undefined);
      if (there && !(await contentOf(driver, '/data')).equals(bytes)) counts.corrupt++;
      if (await driver.stat('/link').catch(() => undefined)) {
        if (there === undefined) counts.corrupt++;
      } else if (acknowledged) counts.lost++;
      // Sent again it works, whatever was left.
      await act(driver, bytes);
      if (!(await contentOf(driver, '/data')).equals(bytes)) counts.corrupt++;
      await driver.stat('/link');
      await dying.driver.close();
      for await (const path of driver.uploads.sweep(Date.now() + 1, { dryRun: false })) {
        expect(path).toBeDefined();
      }
      const left = Array.from(objects.objects.keys());
      expect(left.toSorted()).toEqual(['data', 'link']);
      if (acknowledged) return counts;
    }
  }

  const link = { path: '/link', content: Buffer.from('x') };
  let sessions = 0;

  it.each(['before', 'after'] as const)(
    'never links what is not there when it dies %s any call of a body in one',
    async (when) => {
      const counts = await dieAtEachStep(async (driver, bytes) => {
        const writer = await driver.uploads.claim(`one${++sessions}`, undefined, {
          newborn: true,
          destination: '/data',
        });
        await orAbandon(writer, () => writer.write(Buffer.from(bytes)));
        await writer.commit('/data', [link]);
      }, when);
      expect(counts).toMatchObject({ corrupt: 0, lost: 0 });
      expect(counts.steps).toBeGreaterThan(6);
    },
  );

  it.each(['before', 'after'] as const)(
    'goes on from what was acknowledged when it dies %s any call of three chunks',
    async (when) => {
      const session = `chunks${++sessions}`;
      const counts = await dieAtEachStep(async (driver, bytes) => {
        const third = Math.ceil(bytes.length / 3);
        for (;;) {
          const found = await driver.uploads.find(session);
          const size = found?.parts.size ?? 0;
          if (size === bytes.length) break;
          const writer = await driver.uploads.claim(session, found?.parts);
          await orAbandon(writer, () =>
            writer.write(Buffer.from(bytes.subarray(size, size + third))),
          );
          await writer.finish();
        }
        const found = await driver.uploads.find(session);
        const purpose = { complete: true, destination: '/data' };
        const last = await driver.uploads.claim(session, found?.parts, purpose);
        await last.commit('/data', [link]);
      }, when);
      expect(counts).toMatchObject({ corrupt: 0, lost: 0 });
      expect(counts.steps).toBeGreaterThan(15);
    },
  );
});

async function orAbandon(writer: PartWriter, action: () => Promise<void> | undefined) {
  try {
    await action();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}
