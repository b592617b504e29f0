import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';

import { beforeEach, describe, expect, it } from '@jest/globals';

import { ManifestInvalid, TooManyRequests } from '#oci/errors.js';

import { BodyMemory } from './body-memory.js';
import { ManifestTooLarge } from './errors.js';
import { ManifestBodies, ManifestMemory, type ManifestRequest } from './manifest-body.js';

const KiB = 1024;
const limit = 4 * KiB * KiB;

describe('ManifestBodies', () => {
  let memory: ManifestMemory;
  let bodies: ManifestBodies;

  beforeEach(() => {
    memory = new ManifestMemory();
    bodies = new ManifestBodies(limit, memory);
  });

  function requestOf(length?: number): PassThrough & ManifestRequest {
    const headers: IncomingHttpHeaders =
      length === undefined ? {} : { 'content-length': String(length) };
    return Object.assign(new PassThrough(), { headers }) as unknown as PassThrough &
      ManifestRequest;
  }

  async function send(request: PassThrough, body: Buffer, step: number): Promise<void> {
    for (let start = 0; start < body.length; start += step) {
      if (!request.write(body.subarray(start, start + step))) await once(request, 'drain');
    }
  }

  const bytes = (length: number) => Buffer.alloc(length, 'a manifest, ');

  it.each([0, 1, 1024, 1025, 64 * KiB, 64 * KiB + 1, 1_000_000, limit])(
    'gives %d bytes as they came, announced or not, and counts them for as long as they are used',
    async (length) => {
      for (const announced of [length, undefined]) {
        for (const step of [1000, 64 * KiB, limit]) {
          const request = requestOf(announced);
          const sent = send(request, bytes(length), step).then(() => request.end());
          const used = await bodies.receive(request, async (body) => {
            expect(body.equals(bytes(length))).toBe(true);
            return memory.used;
          });
          await sent;
          expect([used, memory.used]).toEqual([length, 0]);
        }
      }
    },
  );

  it('refuses what is too large as soon as that is known, and leaves the rest to be read', async () => {
    const announced = requestOf(limit + 1);
    await expect(bodies.receive(announced, async () => 0)).rejects.toThrow(ManifestTooLarge);
    const request = requestOf();
    const received = bodies.receive(request, async () => 0);
    const sent = send(request, bytes(limit + 1), 64 * KiB);
    await expect(received).rejects.toThrow(ManifestTooLarge);
    await sent;
    expect([memory.used, request.destroyed]).toEqual([0, false]);
  });

  it.each([
    ['leaves', undefined],
    ['is cut off', new Error('reset')],
  ])('gives the bytes back when the client %s', async (_how, error) => {
    for (const length of [100, 1_000_000, undefined]) {
      const request = requestOf(length);
      const received = bodies.receive(request, async () => 0);
      request.write(bytes(99));
      while (memory.used === 0) await setImmediate();
      request.destroy(error);
      await expect(received).rejects.toThrow(ManifestInvalid);
      await expect(bodies.receive(request, async () => 0)).rejects.toThrow(ManifestInvalid);
      expect(memory.used).toBe(0);
    }
  });

  it('gives the bytes back when what is done with them fails', async () => {
    const request = requestOf(3);
    request.end('abc');
    const failed = bodies.receive(request, async () => {
      throw new RangeError('no');
    });
    await expect(failed).rejects.toThrow(RangeError);
    expect(memory.used).toBe(0);
  });

  it.each([40 * KiB, undefined])(
    'lets one of 40 KiB (announced: %p) that came in several reads wait for those in use',
    async (announced) => {
      let time = 0;
      const limits = { waiting: 64, patience: 10_000, grace: 2000 };
      const scarce = () => new BodyMemory(64 * KiB, limits, () => time);
      memory = Object.assign(new ManifestMemory(), { small: scarce(), begun: scarce() });
      bodies = new ManifestBodies(limit, memory);
      const held = Promise.withResolvers<void>();
      const begun = Promise.withResolvers<void>();
      const others = requestOf(announced && 30 * KiB);
      others.end(bytes(30 * KiB));
      const used = bodies.receive(others, () => {
        begun.resolve();
        return held.promise;
      });
      await begun.promise;
      const request = requestOf(announced);
      const received = bodies.receive(request, async (body) => body.equals(bytes(40 * KiB)));
      const refused = received.then(
        () => undefined,
        (error: unknown) => error,
      );
      await send(request, bytes(40 * KiB), 10 * KiB);
      request.end();
      while (!request.isPaused()) await setImmediate();
      time = 9999;
      memory.small.look();
      memory.begun.look();
      held.resolve();
      await used;
      expect(await refused).toBeUndefined();
      expect([await received, memory.used]).toEqual([true, 0]);
    },
  );

  it('holds so many large ones, and small ones beside them', async () => {
    const held = Promise.withResolvers<void>();
    const whole: Promise<void>[] = [];
    for (let count = 1; count <= 8; count++) {
      const request = requestOf(limit);
      const sent = send(request, bytes(limit), 64 * KiB).then(() => request.end());
      const used = Promise.withResolvers<void>();
      whole.push(
        bodies.receive(request, async () => {
          used.resolve();
          await held.promise;
        }),
      );
      await Promise.all([sent, used.promise]);
    }
    expect(memory.used).toBe(8 * limit);
    const more = Array.from({ length: 140 }, () => {
      const request = requestOf(limit);
      void send(request, bytes(65 * KiB), 64 * KiB);
      return bodies.receive(request, async () => 0).catch((error: unknown) => error);
    });
    // No more than 64 may wait with their beginnings for the rest, and 64 to begin.
    expect(await Promise.race(more)).toBeInstanceOf(TooManyRequests);
    expect(memory.used).toBeLessThanOrEqual(36 * KiB * KiB);
    const small = requestOf(10_000);
    small.end(bytes(10_000));
    expect(await bodies.receive(small, async (body) => body.length)).toBe(10_000);
    held.resolve();
    await Promise.all(whole);
  });
});
