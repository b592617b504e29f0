import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { StorageUnavailable } from '../storage-driver.js';
import { Seeded } from '../testing/seeded.js';
import { whole } from '../testing/whole.js';
import { PartBuffer } from './part-buffer.js';
import { PartMemory, slabSize } from './part-memory.js';
import { SpoolFolder } from './spool-folder.js';

describe('PartBuffer', () => {
  let folder: string;
  let spool: SpoolFolder;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-parts-'));
    spool = await SpoolFolder.connect(folder);
  });
  afterEach(async () => rm(folder, { recursive: true, force: true }));

  const bytesOf = async (part: PartBuffer) => {
    const content = part.open();
    return content instanceof Uint8Array ? Buffer.from(content) : buffer(content);
  };

  it('gives what it was given, as often as it is asked, in memory and in a file', async () => {
    for (const slabs of [1, 3, 100]) {
      const memory = new PartMemory(slabs * slabSize);
      const random = new Seeded(slabs);
      for (const sizes of [[], [1], [slabSize], [slabSize, 1], [10, 5 * slabSize, 3, 70_000, 1]]) {
        const part = new PartBuffer(memory, spool);
        const chunks = sizes.map((size) => random.bytes(size));
        for (const chunk of chunks) await part.append(Buffer.from(chunk));
        part.seal();
        const expected = Buffer.concat(chunks);
        expect(part.size).toBe(expected.length);
        expect((await bytesOf(part)).equals(expected)).toBe(true);
        expect((await bytesOf(part)).equals(expected)).toBe(true);
        expect((await whole(part.look())).equals(expected)).toBe(true);
        await part.release(false);
        await part.release(false);
        expect(memory.used).toBe(0);
      }
    }
  });

  it('never changes what a connection may still hold when the memory is used again', async () => {
    const sent = async (times: number, arrived: boolean) => {
      const memory = new PartMemory(2 * slabSize);
      const part = new PartBuffer(memory, spool);
      await part.append(Buffer.alloc(2 * slabSize, 1));
      part.seal();
      const held: Uint8Array[] = [];
      for (let time = 0; time < times; time++) {
        for await (const chunk of part.open() as AsyncIterable<Buffer>) held.push(chunk);
      }
      await part.release(arrived);
      const next = new PartBuffer(memory, spool);
      await next.append(Buffer.alloc(2 * slabSize, 2));
      await next.release(false);
      return held.every((chunk) => chunk[0] === 1);
    };
    expect(await sent(1, false)).toBe(true);
    expect(await sent(2, true)).toBe(true);
    // All of it has arrived, so that nobody holds it any more.
    expect(await sent(1, true)).toBe(false);
  });

  it('waits for what is on its way where that is much of the memory', async () => {
    const memory = new PartMemory(4 * slabSize);
    const parts = [0, 1].map(() => new PartBuffer(memory, spool));
    for (const part of parts) await part.append(Buffer.alloc(2 * slabSize, 1));
    parts[0]?.seal();
    const later = new PartBuffer(memory, spool);
    let written = false;
    const appended = Promise.resolve(later.append(Buffer.alloc(10, 2))).then(() => {
      written = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([written, memory.used]).toEqual([false, 4 * slabSize]);
    await parts[0]?.release(true);
    await appended;
    expect(memory.used).toBe(3 * slabSize);
    for (const part of [...parts, later]) await part.release(false);
    expect(memory.used).toBe(0);
  });

  it('fails a stream that goes on after the bytes were given up', async () => {
    const part = new PartBuffer(new PartMemory(8 * slabSize), spool);
    await part.append(Buffer.alloc(8 * slabSize, 1));
    const stream = part.open() as AsyncIterable<Buffer>;
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    await part.release(false);
    const readOn = async () => {
      for (let next = await iterator.next(); !next.done;) next = await iterator.next();
    };
    await expect(readOn()).rejects.toThrow('given up');
  });

  it('moves to a file when another needs the memory: the one written to longest ago', async () => {
    const memory = new PartMemory(4 * slabSize);
    const parts = [0, 1, 2, 3].map(() => new PartBuffer(memory, spool));
    for (const [index, part] of parts.entries()) await part.append(Buffer.alloc(10, index));
    await parts[0]?.append(Buffer.alloc(10, 0));
    expect(memory.used).toBe(4 * slabSize);
    const fast = new PartBuffer(memory, spool);
    // Part 1 was written to before all others.
    await fast.append(Buffer.alloc(slabSize, 9));
    await parts[1]?.append(Buffer.alloc(5, 1));
    expect(memory.used).toBe(4 * slabSize);
    await fast.append(Buffer.alloc(3 * slabSize, 9));
    expect(memory.used).toBe(4 * slabSize);
    for (const part of parts) await part.append(Buffer.alloc(3, 7));
    expect((await bytesOf(fast)).equals(Buffer.alloc(4 * slabSize, 9))).toBe(true);
    const sizes = [23, 18, 13, 13];
    for (const [index, part] of parts.entries()) {
      const bytes = await bytesOf(part);
      expect(bytes).toHaveLength(sizes[index] as number);
      expect(bytes.subarray(0, -3).equals(Buffer.alloc(bytes.length - 3, index))).toBe(true);
      expect(bytes.subarray(-3).equals(Buffer.alloc(3, 7))).toBe(true);
    }
    for (const part of [...parts, fast]) await part.release(false);
    expect(memory.used).toBe(0);
  });

  it('keeps sealed bytes where they are', async () => {
    const memory = new PartMemory(5 * slabSize);
    const sealed = new PartBuffer(memory, spool);
    await sealed.append(Buffer.alloc(slabSize, 1));
    sealed.seal();
    const next = new PartBuffer(memory, spool);
    await next.append(Buffer.alloc(5 * slabSize, 2));
    expect(memory.used).toBe(slabSize);
    expect((await bytesOf(next)).equals(Buffer.alloc(5 * slabSize, 2))).toBe(true);
    expect((await bytesOf(sealed)).equals(Buffer.alloc(slabSize, 1))).toBe(true);
    await next.release(false);
    await sealed.release(false);
  });

  it('mixes nothing up while many write at once in little memory', async () => {
    const memory = new PartMemory(5 * slabSize);
    const write = async (index: number) => {
      const random = new Seeded(index);
      const part = new PartBuffer(memory, spool);
      const chunks: Buffer[] = [];
      for (let turn = 0; turn < 30; turn++) {
        const chunk = Buffer.from(random.bytes(random.below(3 * slabSize)));
        chunks.push(Buffer.from(chunk));
        await part.append(chunk);
        chunk.fill(0);
        expect(memory.used).toBeLessThanOrEqual(5 * slabSize);
        await random.pause();
      }
      part.seal();
      const same = (await bytesOf(part)).equals(Buffer.concat(chunks));
      await part.release(false);
      return same;
    };
    const all = await Promise.all(Array.from({ length: 40 }, (_, index) => write(index)));
    expect(all.every(Boolean)).toBe(true);
    expect(memory.used).toBe(0);
  }, 120_000);

  it('leaves no file behind, not even while it writes to one', async () => {
    const memory = new PartMemory(slabSize);
    const part = new PartBuffer(memory, spool);
    await part.append(Buffer.alloc(3 * slabSize));
    expect(await readdir(folder)).toEqual([]);
    await part.release(false);
  });

  it('says that the spool folder has no room, and spares those who need none', async () => {
    const memory = new PartMemory(2 * slabSize);
    const calm = new PartBuffer(memory, spool);
    await calm.append(Buffer.from('calm'));
    await rm(folder, { recursive: true });
    const greedy = new PartBuffer(memory, spool);
    const appended = greedy.append(Buffer.alloc(4 * slabSize));
    await expect(appended).rejects.toThrow(/spool folder .*ENOENT/);
    await expect(appended).rejects.toBeInstanceOf(StorageUnavailable);
    await greedy.release(false);
    await calm.append(Buffer.from(' and more'));
    expect((await bytesOf(calm)).toString()).toBe('calm and more');
    await calm.release(false);
  });
});

describe('SpoolFolder', () => {
  it('is refused at the start if nothing can be written there', async () => {
    await expect(SpoolFolder.connect('/nowhere/at/all')).rejects.toBeInstanceOf(StorageUnavailable);
  });

  it('is on a disk, where the machine has one for temporary files', async () => {
    const chosen = await SpoolFolder.connect();
    expect([tmpdir(), '/var/tmp']).toContain(chosen.path);
  });
});
