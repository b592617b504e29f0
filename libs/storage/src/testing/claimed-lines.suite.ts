import { describe, expect, it } from '@jest/globals';

import type { StorageDriver } from '../storage-driver.js';
import { PartsClaimed, SessionEnded } from '../upload-area.js';
import { append, finishedLine, isThere, partsOf } from './lines.js';
import { whole } from './whole.js';

const later = () => Date.now() + 60_000;

/** What is settled when a line is claimed; a part of the suite of drivers whose back end has an atomic step for that. */
export function describeClaimedLines(
  opened: () => { readonly driver: StorageDriver; readonly other: StorageDriver },
): void {
  const areas = () => ({ here: opened().driver.uploads, there: opened().other.uploads });
  const contentOf = async (path: string) => whole(await opened().driver.read(path));
  const begun = (session: string, text: string) => finishedLine(areas().here, session, text);

  describe('an upload', () => {
    it('goes to one of those who claim it at once', async () => {
      for (let turn = 0; turn < 40; turn++) {
        const parts = await begun(`race${turn}`, 'x');
        const { here, there } = areas();
        const claims = await Promise.allSettled([
          here.claim(`race${turn}`, parts),
          there.claim(`race${turn}`, parts),
          here.claim(`race${turn}`, parts),
        ]);
        const won = claims.filter((claim) => claim.status === 'fulfilled');
        expect(won).toHaveLength(1);
        const lost = claims.flatMap((claim) => (claim.status === 'rejected' ? [claim.reason] : []));
        expect(lost.every((reason) => reason instanceof PartsClaimed)).toBe(true);
        await won[0]?.value.abandon();
      }
    });
  });

  describe('a writer that is slow or dead', () => {
    it('never alters what was committed from a copy of the line that it has', async () => {
      const { here, there } = areas();
      const parts = await begun('zombie01', 'good ');
      const zombie = await here.claim('zombie01', parts);
      await append(zombie, 'BAD BYTES');
      const found = await there.find('zombie01');
      expect(found).toMatchObject({ parts: { size: 5 }, claimed: true });
      const next = await there.recover('zombie01', partsOf(found));
      expect(next.size).toBe(5);
      await append(next, 'bytes');
      await next.commit('/zombie/data', []);
      await append(zombie, 'EVEN MORE');
      await expect(zombie.commit('/zombie/data', [])).rejects.toBeInstanceOf(PartsClaimed);
      expect((await contentOf('/zombie/data')).toString()).toBe('good bytes');
      expect(await there.find('zombie01')).toBeUndefined();
    });

    it('does not get its line finished once a copy of it was', async () => {
      const { here, there } = areas();
      const zombie = await here.claim('zombie02', await begun('zombie02', 'good '));
      await append(zombie, 'BAD');
      const found = await there.find('zombie02');
      const next = await there.recover('zombie02', partsOf(found));
      await append(next, 'bytes');
      const parts = await next.finish();
      await expect(zombie.finish()).rejects.toBeInstanceOf(PartsClaimed);
      expect(await here.find('zombie02')).toEqual({ parts, claimed: false });
    });

    it('leaves its line to others when a copy is given up', async () => {
      const { here, there } = areas();
      const zombie = await here.claim('zombie03', await begun('zombie03', 'good'));
      await append(zombie, 'BAD');
      const found = await there.find('zombie03');
      const parts = partsOf(found);
      await (await there.recover('zombie03', parts)).abandon();
      expect(await there.find('zombie03')).toEqual(found);
      const again = await there.recover('zombie03', parts);
      expect((await whole(again.read())).toString()).toBe('good');
      await again.abandon();
      await zombie.abandon();
    });

    it('of an upload that nothing was finished of leaves a new line to begin', async () => {
      const { here, there } = areas();
      const zombie = await here.claim('zombie04', undefined);
      await append(zombie, 'BAD');
      const found = await there.find('zombie04');
      expect(found).toMatchObject({ parts: { size: 0 }, claimed: true });
      const next = await there.recover('zombie04', partsOf(found));
      await append(next, 'good');
      await next.commit('/zombie/4', []);
      expect((await contentOf('/zombie/4')).toString()).toBe('good');
      await zombie.abandon();
    });
  });

  it('finds the longest finished line before any that is written', async () => {
    const { here } = areas();
    const long = await begun('longest', 'longest line');
    const second = await here.claim('longest', undefined, { newborn: true });
    await append(second, 'short');
    const short = await second.finish();
    expect(await here.find('longest')).toEqual({ parts: long, claimed: false });
    const writer = await here.claim('longest', long);
    expect(await here.find('longest')).toEqual({ parts: short, claimed: false });
    await writer.abandon();
  });

  it('gives no line that is claimed', async () => {
    const { here, there } = areas();
    const parts = await begun('gone03', 'x');
    const writer = await here.claim('gone03', parts);
    await expect(there.claim('gone03', parts)).rejects.toBeInstanceOf(PartsClaimed);
    await writer.commit('/gone/3', []);
    await expect(there.claim('gone03', parts)).rejects.toBeInstanceOf(PartsClaimed);
  });

  describe('a session that was ended', () => {
    it('has no line that a request under way could still finish or commit', async () => {
      const { here, there } = areas();
      const one = await here.claim('ended02', await begun('ended02', 'a'));
      const two = await here.claim('ended02', undefined, { newborn: true });
      await append(two, 'b');
      await there.end('ended02');
      await expect(one.finish()).rejects.toBeInstanceOf(SessionEnded);
      await expect(two.commit('/ended/data', [])).rejects.toBeInstanceOf(SessionEnded);
      expect(await isThere(opened().other, '/ended/data')).toBe(false);
    });

    it('is either ended or claimed when both are tried at once', async () => {
      for (let turn = 0; turn < 30; turn++) {
        const session = `ending${turn}`;
        const parts = await begun(session, 'x');
        const { here, there } = areas();
        const [claim] = await Promise.allSettled([here.claim(session, parts), there.end(session)]);
        const finished = claim.status === 'fulfilled' ? claim.value.finish() : claim.reason;
        await expect(
          Promise.resolve(finished).catch((error: unknown) => error),
        ).resolves.toBeInstanceOf(SessionEnded);
        await expect(there.find(session)).rejects.toBeInstanceOf(SessionEnded);
      }
    });
  });

  describe('the sweep', () => {
    it('leaves no way for a writer to finish what it removed', async () => {
      const writer = await areas().there.claim('sweep02', undefined);
      await append(writer, 'x');
      for await (const path of areas().here.sweep(later(), { dryRun: false })) {
        expect(path).toBeDefined();
      }
      await expect(writer.commit('/swept/data', [])).rejects.toBeInstanceOf(PartsClaimed);
      expect(await isThere(opened().other, '/swept/data')).toBe(false);
    });
  });
}
