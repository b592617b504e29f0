import { describe, expect, it } from '@jest/globals';

import type { StorageDriver } from '../storage-driver.js';
import { PartsClaimed, type PartWriter, SessionEnded, type UploadedParts } from '../upload-area.js';
import type { DriverTraits } from './driver-traits.js';
import { append, finishedLine, isThere } from './lines.js';
import { whole } from './whole.js';

const later = () => Date.now() + 60_000;

/** What is settled when parts are finished, or by the token alone; a part of the suite of drivers of buckets. */
export function describeUnclaimedLines(
  opened: () => { readonly driver: StorageDriver; readonly other: StorageDriver },
  { uploadsSettledBy }: DriverTraits,
): void {
  const areas = () => ({ here: opened().driver.uploads, there: opened().other.uploads });
  const contentOf = async (path: string) =>
    (await whole(await opened().driver.read(path))).toString();
  const begun = (session: string, text: string) => finishedLine(areas().here, session, text);
  const bytesOf = async (session: string, parts: UploadedParts) => {
    const writer = await areas().there.claim(session, parts);
    const bytes = await whole(writer.read());
    await writer.abandon();
    return bytes.toString();
  };
  const forks = uploadsSettledBy === 'token';

  /** Ends all at once; the parts of those who finished, and who they are. */
  async function finishAll(writers: readonly PartWriter[]) {
    const ended = await Promise.allSettled(writers.map((writer) => writer.finish()));
    const lost = ended.flatMap((end) => (end.status === 'rejected' ? [end.reason] : []));
    expect(lost.every((reason) => reason instanceof PartsClaimed)).toBe(true);
    return ended.flatMap((end, index) =>
      end.status === 'fulfilled' ? [{ index, parts: end.value }] : [],
    );
  }

  describe('an upload that several go on with', () => {
    it('holds the bytes of whom the token speaks of, and of nobody else', async () => {
      for (let turn = 0; turn < 20; turn++) {
        const session = `race${turn}`;
        const parts = await begun(session, 'x');
        const writers: PartWriter[] = [];
        for (const area of [areas().here, areas().there, areas().here]) {
          const writer = await area.claim(session, parts);
          await append(writer, ` by ${writers.length}`);
          writers.push(writer);
        }
        const finished = await finishAll(writers);
        expect(finished).toHaveLength(forks ? 3 : 1);
        for (const one of finished) {
          expect(await bytesOf(session, one.parts)).toBe(`x by ${one.index}`);
        }
        const found = await areas().there.find(session);
        expect(finished.map((one) => one.parts)).toContainEqual(found?.parts);
      }
    });

    it('is begun by one of those who begin it at once', async () => {
      for (let turn = 0; turn < 20; turn++) {
        const session = `begin${turn}`;
        const writers = await Promise.all(
          [areas().here, areas().there].map((area) => area.claim(session, undefined)),
        );
        await Promise.all(writers.map((writer, index) => append(writer, `by ${index}`)));
        const finished = await finishAll(writers);
        expect(finished).toHaveLength(forks ? 2 : 1);
        for (const one of finished) {
          expect(await bytesOf(session, one.parts)).toBe(`by ${one.index}`);
        }
      }
    });

    it('is committed by each only with its own bytes', async () => {
      const parts = await begun('rivals', 'good ');
      const late = await areas().here.claim('rivals', parts);
      await append(late, 'BAD BYTES');
      const found = await areas().there.find('rivals');
      expect(found).toEqual({ parts, claimed: false });
      const next = await areas().there.recover('rivals', parts);
      expect(next.size).toBe(5);
      await append(next, 'bytes');
      await next.commit('/rivals/data', []);
      await append(late, 'EVEN MORE');
      await expect(late.commit('/rivals/data', [])).rejects.toBeInstanceOf(PartsClaimed);
      expect(await contentOf('/rivals/data')).toBe('good bytes');
      expect(await areas().there.find('rivals')).toBeUndefined();
    });

    it('takes no line that somebody else has gone on from', async () => {
      const parts = await begun('onward', 'x');
      const next = await areas().there.claim('onward', parts);
      await append(next, 'y');
      const more = await next.finish();
      await expect(areas().here.claim('onward', parts)).rejects.toBeInstanceOf(PartsClaimed);
      await expect(areas().here.recover('onward', parts)).rejects.toBeInstanceOf(PartsClaimed);
      expect(await areas().here.find('onward')).toEqual({ parts: more, claimed: false });
    });

    it('is not found by bytes that nobody finished', async () => {
      const writer = await areas().here.claim('unfinished', undefined);
      await append(writer, 'x');
      expect(await areas().there.find('unfinished')).toBeUndefined();
      await writer.abandon();
    });

    it('is the same when a request without bytes ends', async () => {
      const parts = await begun('nothing', 'x');
      const writer = await areas().there.claim('nothing', parts);
      expect(await writer.finish()).toEqual(parts);
      expect(await bytesOf('nothing', parts)).toBe('x');
    });
  });

  describe('a session that was ended', () => {
    it('lets nobody commit its parts', async () => {
      const parts = await begun('ended02', 'a');
      const one = await areas().here.claim('ended02', parts);
      await append(one, 'b');
      const two = await areas().here.claim('ended02', parts, { complete: true });
      await areas().there.end('ended02');
      await expect(one.commit('/ended/one', [])).rejects.toBeInstanceOf(SessionEnded);
      await expect(two.commit('/ended/two', [])).rejects.toBeInstanceOf(SessionEnded);
      expect(await isThere(opened().other, '/ended/one')).toBe(false);
      expect(await isThere(opened().other, '/ended/two')).toBe(false);
    });

    it('stays ended when a request under way finishes its part after that', async () => {
      const writer = await areas().here.claim('ended03', await begun('ended03', 'a'));
      await append(writer, 'b');
      await areas().there.end('ended03');
      const parts = await writer.finish();
      await expect(areas().there.find('ended03')).rejects.toBeInstanceOf(SessionEnded);
      await expect(areas().there.claim('ended03', parts)).rejects.toBeInstanceOf(SessionEnded);
      const last = await areas().there.claim('ended03', parts, { complete: true });
      await expect(last.commit('/ended/three', [])).rejects.toBeInstanceOf(SessionEnded);
      expect(await isThere(opened().other, '/ended/three')).toBe(false);
    });

    it('lets nobody commit a first part that was under way', async () => {
      for (const purpose of [{ newborn: true }, {}]) {
        const session = `ended04${String('newborn' in purpose)}`;
        const writer = await areas().here.claim(session, undefined, purpose);
        await append(writer, 'a');
        await areas().there.end(session);
        const parts = await writer.finish();
        const last = await areas().there.claim(session, parts, { complete: true });
        await expect(last.commit('/ended/four', [])).rejects.toBeInstanceOf(SessionEnded);
        expect(await isThere(opened().other, '/ended/four')).toBe(false);
      }
    });

    it('is ended, whoever claims it at the same moment', async () => {
      for (let turn = 0; turn < 20; turn++) {
        const session = `ending${turn}`;
        const parts = await begun(session, 'x');
        const { here, there } = areas();
        const [claim] = await Promise.allSettled([here.claim(session, parts), there.end(session)]);
        const committed =
          claim.status === 'fulfilled' ? claim.value.commit('/ending', []) : claim.reason;
        await expect(
          Promise.resolve(committed).catch((error: unknown) => error),
        ).resolves.toBeInstanceOf(SessionEnded);
        await expect(there.find(session)).rejects.toBeInstanceOf(SessionEnded);
      }
    });
  });

  it('has no line to commit after its parts were swept', async () => {
    const writer = await areas().there.claim('sweep02', await begun('sweep02', 'x'));
    await append(writer, 'y');
    for await (const path of areas().here.sweep(later(), { dryRun: false })) {
      expect(path).toBeDefined();
    }
    await expect(writer.commit('/swept/data', [])).rejects.toBeInstanceOf(PartsClaimed);
    expect(await isThere(opened().other, '/swept/data')).toBe(false);
  });
}
