import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import type { Digest } from '#oci/digest.js';
import { MediaType } from '#oci/media-type.js';

import { Race } from '../testing/race.js';
import { drivers, imageManifest, type OpenDriver } from '../testing/registry.js';

/** Rounds at the same time, each in its own repository. */
const width = 16;

/** Calls between two things that happen meanwhile. */
const mostBetween = 3;

const referrer = () =>
  imageManifest({
    mediaType: undefined,
    subject: { mediaType: 'a/b', digest: `sha256:${'1'.repeat(64)}`, size: 1 },
  });

const allOrNothing: unknown = expect.stringMatching(/^(all|nothing)$/);

describe.each(drivers)('requests that overlap, %s', (_where, open) => {
  let storage: OpenDriver;

  beforeEach(async () => {
    storage = await open();
  });

  afterEach(() => storage.close());

  /** Plays rounds, each with other calls, until there is no call left that the request made in any of them. */
  const inAllOrders = async (
    roundsOf: (call: number) => readonly (readonly number[])[],
    play: (race: Race, at: readonly number[]) => Promise<void>,
  ) => {
    let calls = 0;
    const round = async (at: readonly number[]) => {
      const race = await Race.on(storage.driver);
      await play(race, at);
      calls = Math.max(calls, race.calls);
    };
    await round([Infinity, Infinity]);
    expect(calls).toBeGreaterThan(1);
    for (let call = 0; call < calls; call++) {
      const rounds = roundsOf(call);
      for (let start = 0; start < rounds.length; start += width) {
        await Promise.all(rounds.slice(start, start + width).map(round));
      }
    }
  };

  const atEachCall = (play: (race: Race, call: number) => Promise<void>) =>
    inAllOrders(
      (call) => [[call]],
      (race, [call = 0]) => play(race, call),
    );

  /** In this order, or at the same one. */
  const atEachTwoCalls = (play: (race: Race, first: number, second: number) => Promise<void>) =>
    inAllOrders(
      (call) => Array.from({ length: mostBetween }, (_, between) => [call, call + between]),
      (race, [first = 0, second = 0]) => play(race, first, second),
    );

  /** The manifest with its tag, whole, or neither of them nor another tag; else what there is. */
  const whatIsLeft = async (race: Race, digest: Digest): Promise<string> => {
    const there = await race.hasManifest(digest);
    const [x, y] = [await race.target('x'), await race.target('y')];
    if (!there && x === undefined && y === undefined) return 'nothing';
    const type = there && (await race.mediaTypeOf(digest));
    if (type === MediaType.ociManifest && x?.equals(digest)) return 'all';
    return `${type || 'no manifest'}, x is ${String(x)}, y is ${String(y)}`;
  };

  describe.each([
    ['an image', imageManifest],
    ['a referrer that does not tell its type', referrer],
  ])('for %s', (_kind, manifestOf) => {
    it.each([
      ['that is new', []],
      ['that has the tag', ['x']],
      ['that has another tag', ['y']],
    ])(
      'a push and a delete of the digest leave manifest and tag, or neither, and nothing if both were seen before: %s',
      async (_state, before) => {
        await atEachCall(async (race, call) => {
          const manifest = manifestOf();
          const digest = await race.push(manifest, ...before);
          if (before.length === 0) await race.remove(digest);
          let wasSeen = false;
          const away = async () => {
            // Where it was there before nobody can see whether it was pushed again.
            wasSeen = before.length === 0 && (await whatIsLeft(race, digest)) === 'all';
            await race.remove(digest);
          };
          await race.slowPush(manifest, 'x', [call, away]);
          const expected = wasSeen ? 'nothing' : allOrNothing;
          expect([call, await whatIsLeft(race, digest)]).toEqual([call, expected]);
          await race.remove(digest);
          expect([call, await whatIsLeft(race, digest)]).toEqual([call, 'nothing']);
        });
      },
      180_000,
    );

    it('a delete of the digest and a push leave manifest and tag, or neither, and both if they were seen to be gone before', async () => {
      await atEachCall(async (race, call) => {
        const manifest = manifestOf();
        const digest = await race.push(manifest, 'x', 'y');
        let wasSeen = false;
        const again = async () => {
          wasSeen = !(await race.hasManifest(digest));
          await race.push(manifest, 'x');
        };
        await race.slowDelete(digest, [call, again]);
        const expected = wasSeen ? 'all' : allOrNothing;
        expect([call, await whatIsLeft(race, digest)]).toEqual([call, expected]);
        await race.remove(digest);
        expect([call, await whatIsLeft(race, digest)]).toEqual([call, 'nothing']);
      });
    }, 180_000);
  });

  it('a delete that fails takes no tag from a push that came meanwhile', async () => {
    await atEachTwoCalls(async (race, first, second) => {
      const manifest = imageManifest();
      const digest = await race.push(manifest, 'x');
      let wasGone = false;
      const again = async () => {
        wasGone = !(await race.hasManifest(digest));
        await race.push(manifest, 'x');
      };
      await race.slowDelete(digest, [first, again], [second, 'fails']);
      if (!race.complete || !wasGone) return;
      expect([first, second, await whatIsLeft(race, digest)]).toEqual([first, second, 'all']);
    });
  }, 180_000);

  it('a delete, a push and a delete leave nothing', async () => {
    await atEachTwoCalls(async (race, first, second) => {
      const manifest = referrer();
      const digest = await race.push(manifest, 'x');
      const again = () => race.push(manifest, 'x');
      await race.slowDelete(digest, [first, again], [second, () => race.remove(digest)]);
      if (!race.complete) return;
      expect([first, second, await whatIsLeft(race, digest)]).toEqual([first, second, 'nothing']);
    });
  }, 180_000);

  it('a push, a delete of the digest and a push of the tag elsewhere leave one of the two', async () => {
    await atEachTwoCalls(async (race, first, second) => {
      const [manifest, next] = [imageManifest(), imageManifest()];
      const digest = await race.push(manifest, 'x');
      await race.slowPush(
        manifest,
        'x',
        [first, () => race.remove(digest)],
        [second, () => race.push(next, 'x')],
      );
      if (!race.complete) return;
      const target = await race.target('x');
      const there = target !== undefined && (await race.hasManifest(target));
      expect({ first, second, there }).toEqual({ first, second, there: true });
    });
  }, 180_000);

  it('a tag that is pushed while it is deleted goes with its manifest, at once', async () => {
    await atEachTwoCalls(async (race, first, second) => {
      const next = imageManifest();
      const digest = await race.push(next);
      await race.push(imageManifest(), 'x');
      const again = () => race.push(next, 'x');
      await race.slowUntag('x', [first, again], [second, () => race.remove(digest)]);
      if (!race.complete) return;
      expect([first, second, await whatIsLeft(race, digest)]).toEqual([first, second, 'nothing']);
    });
  }, 180_000);

  it('a tag that is pushed while it is deleted, by a process that dies, goes with its manifest', async () => {
    await atEachTwoCalls(async (race, first, second) => {
      const next = imageManifest();
      const digest = await race.push(next);
      await race.push(imageManifest(), 'x');
      await race.slowUntag('x', [first, () => race.push(next, 'x')], [second, 'dies']);
      await race.remove(digest);
      if (!race.complete) return;
      expect([first, second, await whatIsLeft(race, digest)]).toEqual([first, second, 'nothing']);
    });
  }, 180_000);
});
