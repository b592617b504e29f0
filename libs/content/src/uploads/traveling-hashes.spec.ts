import { createHash, randomBytes } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { DigestAlgorithm } from '#oci/digest.js';

import { type TravelingHash, TravelingHashes } from './traveling-hashes.js';

const content = randomBytes(400_000);
const hexOf = (bytes: Uint8Array, algorithm: DigestAlgorithm) =>
  createHash(algorithm).update(bytes).digest('hex');

describe('TravelingHashes', () => {
  let replicas: readonly TravelingHashes[];
  beforeEach(() => {
    replicas = [new TravelingHashes(), new TravelingHashes()];
  });
  afterEach(async () => {
    await Promise.all(replicas.map((replica) => replica.close()));
  });

  const replica = (index: number) => replicas[index % 2] as TravelingHashes;
  const feed = async (hash: TravelingHash, bytes: Uint8Array) => {
    // As a driver does with its memory: the bytes are gone once they were taken.
    const own = Buffer.from(bytes);
    await hash.update(own);
    own.fill(0);
  };

  /** The hash of all pieces, each by another replica than the one before. */
  async function travel(pieces: readonly Uint8Array[], algorithm: DigestAlgorithm) {
    let saved: Uint8Array | undefined;
    let hex: string | undefined;
    for (const [index, piece] of pieces.entries()) {
      const hash = replica(index).begin(algorithm, saved);
      await feed(hash, piece);
      const soFar = await hash.finish();
      saved = soFar?.saved;
      hex = soFar?.hex;
    }
    return hex;
  }

  it.each(['sha256', 'sha512'] as const)(
    'give the %s of bytes that were cut anywhere and hashed by turns',
    async (algorithm) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.integer({ min: 0, max: content.length }), { maxLength: 8 }),
          async (cuts) => {
            const edges = [0, ...cuts.toSorted((a, b) => a - b), content.length];
            const pieces = edges.slice(1).map((end, index) => content.subarray(edges[index], end));
            expect(await travel(pieces, algorithm)).toBe(hexOf(content, algorithm));
          },
        ),
        { numRuns: 40 },
      );
    },
  );

  it('tell the digest of what came so far, each time', async () => {
    const hash = replica(0).begin('sha256');
    await feed(hash, content.subarray(0, 100));
    expect((await hash.finish())?.hex).toBe(hexOf(content.subarray(0, 100), 'sha256'));
    const nothing = await replica(0).begin('sha256').finish();
    expect(nothing?.hex).toBe(hexOf(Buffer.alloc(0), 'sha256'));
  });

  it('do not mix what many do at once, of both algorithms', async () => {
    const runs = Array.from({ length: 60 }, async (_, index) => {
      const algorithm = index % 3 === 0 ? 'sha512' : 'sha256';
      const own = randomBytes(50_000 + index * 3001);
      const hash = replica(0).begin(algorithm);
      for (let start = 0; start < own.length; start += 7001) {
        await feed(hash, own.subarray(start, start + 7001));
      }
      if (index % 7 === 0) return hash.drop();
      expect((await hash.finish())?.hex).toBe(hexOf(own, algorithm));
    });
    await Promise.all(runs);
  });

  it('let who brings bytes wait when they come faster than they are hashed', async () => {
    const hash = replica(0).begin('sha256');
    const waits = Array.from({ length: 40 }, () => hash.update(content.subarray(0, 65_536)));
    expect(waits.slice(0, 16).every((wait) => wait === undefined)).toBe(true);
    expect(waits.slice(16).every((wait) => wait !== undefined)).toBe(true);
    await Promise.all(waits.map(async (wait) => wait));
    const whole = Buffer.concat(Array.from({ length: 40 }, () => content.subarray(0, 65_536)));
    expect((await hash.finish())?.hex).toBe(hexOf(whole, 'sha256'));
  });

  it.each([
    [
      'of another version',
      (saved: Uint8Array) => saved.map((byte, at) => (at < 4 ? byte ^ 1 : byte)),
    ],
    ['of another length', (saved: Uint8Array) => saved.subarray(1)],
    ['that is empty', () => new Uint8Array()],
  ])('know nothing after a state %s, and go on with others', async (_what, alter) => {
    const good = await replica(0).begin('sha256').finish();
    const other = replica(0).begin('sha256');
    await feed(other, content);
    const hash = replica(0).begin('sha256', alter(good?.saved ?? new Uint8Array()));
    await feed(hash, content);
    expect(await hash.finish()).toBeUndefined();
    expect((await other.finish())?.hex).toBe(hexOf(content, 'sha256'));
  });

  it('know nothing when the thread is gone, keep nobody waiting, and begin another', async () => {
    const hash = replica(0).begin('sha256');
    const waits = Array.from({ length: 40 }, () => hash.update(content));
    const finishing = replica(0).begin('sha256').finish();
    await replica(0).close();
    await Promise.all(waits.map(async (wait) => wait));
    expect([await hash.finish(), await hash.update(content)]).toEqual([undefined, undefined]);
    await finishing;
    const next = replica(0).begin('sha256');
    await feed(next, content);
    expect((await next.finish())?.hex).toBe(hexOf(content, 'sha256'));
  });
});
