import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { describe, expect, it, jest } from '@jest/globals';

import { Seeded } from '../testing/seeded.js';
import { SteadyStream } from './steady-stream.js';

const bytes = randomBytes(600_000);

/** Sends from an offset to where it breaks. */
function connection(
  start: number,
  end: number,
  how: 'reset' | 'end' | 'silence' | 'more',
): Readable {
  const stream = new Readable({ read: () => undefined });
  for (let at = start; at < end; at += 10_000)
    stream.push(bytes.subarray(at, Math.min(end, at + 10_000)));
  if (how === 'reset') setImmediate(() => stream.destroy(new Error('reset')));
  if (how === 'end') stream.push(null);
  if (how === 'more') stream.push(Buffer.alloc(5000));
  return stream;
}

describe('a stream out of a store', () => {
  it.each([1, 2, 3, 4, 5, 6])(
    'gives every byte, whatever becomes of its connections (%i)',
    async (seed) => {
      const random = new Seeded(seed);
      const start = random.below(1000);
      const length = bytes.length - start - random.below(1000);
      const end = start + length;
      const offsets: number[] = [];
      const next = async (offset: number) => {
        offsets.push(offset);
        const how = random.pick(['reset', 'end', 'silence', 'more'] as const);
        const to = how === 'more' ? end : Math.min(end, offset + 1 + random.below(60_000));
        return connection(offset, to, how);
      };
      const stream = new SteadyStream(await next(start), {
        start,
        length,
        reopen: next,
        patience: 20,
      });
      expect((await buffer(stream)).equals(bytes.subarray(start, end))).toBe(true);
      expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
    },
  );

  it('fails when several connections in a row bring nothing', async () => {
    let opened = 0;
    const reopen = async () => {
      opened += 1;
      return connection(0, 0, 'end');
    };
    const stream = new SteadyStream(connection(0, 5, 'end'), { start: 0, length: 10, reopen });
    await expect(buffer(stream)).rejects.toThrow('the storage sent less than it said');
    expect(opened).toBe(4);
  });

  it('fails as opening again does', async () => {
    const reopen = () => Promise.reject(new Error('gone'));
    const stream = new SteadyStream(connection(0, 5, 'end'), { start: 0, length: 10, reopen });
    await expect(buffer(stream)).rejects.toThrow('gone');
  });

  it('holds one chunk for who does not read', async () => {
    const source = connection(0, bytes.length, 'end');
    const reopen = () => Promise.reject(new Error('not asked for'));
    const stream = new SteadyStream(source, { start: 0, length: bytes.length, reopen });
    stream.read(0);
    while (!source.isPaused()) await turn();
    expect(stream.readableLength).toBe(10_000);
    expect((await buffer(stream)).equals(bytes)).toBe(true);
  });

  it('never calls a connection silent while nobody reads', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
    try {
      let reopened = 0;
      const reopen = async (offset: number) => {
        reopened += 1;
        return connection(offset, bytes.length, 'end');
      };
      const source = connection(0, bytes.length, 'end');
      const stream = new SteadyStream(source, { start: 0, length: bytes.length, reopen });
      stream.read(1);
      while (!source.isPaused()) await turn();
      jest.advanceTimersByTime(3_600_000);
      expect((await buffer(stream)).length).toBe(bytes.length);
      expect(reopened).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  it.each([
    ['longer than its patience', 20_000],
    ['nearly as long', 19_999],
  ])('has its whole patience with a connection that took %s to open', async (_how, took) => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate'] });
    try {
      const openings: { offset: number; open: (connection: Readable) => void }[] = [];
      const reopen = (offset: number) =>
        new Promise<Readable>((open) => void openings.push({ offset, open }));
      const source = connection(0, 400_000, 'silence');
      const stream = new SteadyStream(source, { start: 0, length: bytes.length, reopen });
      stream.read(0);
      while (!source.isPaused()) await turn();
      // The store closes the connection of a reader that is slow, who reads on while another is being opened.
      source.destroy();
      while (openings.length === 0) await turn();
      const read = buffer(stream);
      for (let next = 0; next < 5; next++) await turn();
      await jest.advanceTimersByTimeAsync(took);
      openings[0]?.open(connection(0, 0, 'silence'));
      for (let next = 0; next < 5; next++) await turn();
      await jest.advanceTimersByTimeAsync(19_999);
      expect(openings).toHaveLength(1);
      await jest.advanceTimersByTimeAsync(1);
      expect(openings).toHaveLength(2);
      const { offset = 0, open } = openings[1] ?? {};
      open?.(connection(offset, bytes.length, 'end'));
      expect((await read).equals(bytes)).toBe(true);
    } finally {
      jest.useRealTimers();
    }
  });

  it('closes its connection with itself, also one that is being opened', async () => {
    const reopen = Promise.withResolvers<Readable>();
    const asked = Promise.withResolvers<void>();
    const source = connection(0, 5, 'end');
    const stream = new SteadyStream(source, {
      start: 0,
      length: 10,
      reopen: () => {
        asked.resolve();
        return reopen.promise;
      },
    });
    stream.resume();
    await asked.promise;
    stream.destroy();
    expect(source.destroyed).toBe(true);
    const late = connection(5, 10, 'silence');
    const closed = once(late, 'close');
    reopen.resolve(late);
    await closed;
  });
});

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
