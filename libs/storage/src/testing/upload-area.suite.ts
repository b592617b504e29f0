import { createHash } from 'node:crypto';

import { describe, expect, it } from '@jest/globals';

import { PathNotFound, type StorageDriver } from '../storage-driver.js';
import { PartsClaimed, type PartWriter, SessionEnded, type UploadedParts } from '../upload-area.js';
import { Seeded } from './seeded.js';
import { whole } from './whole.js';

const later = () => Date.now() + 60_000;

/** What every driver does with uploads; a part of the suite of drivers. */
export function describeUploadArea(
  opened: () => { readonly driver: StorageDriver; readonly other: StorageDriver },
): void {
  const areas = () => ({ here: opened().driver.uploads, there: opened().other.uploads });
  const contentOf = async (path: string) => whole(await opened().driver.read(path));
  const isThere = (path: string) =>
    opened()
      .other.stat(path)
      .then(() => true)
      .catch((error: unknown) => {
        if (error instanceof PathNotFound) return false;
        throw error;
      });

  /** A session with a finished line. */
  async function begun(session: string, text: string) {
    const writer = await areas().here.claim(session, undefined);
    await append(writer, text);
    return writer.finish();
  }

  describe('an upload', () => {
    it('is written in parts by several requests and processes, and committed', async () => {
      const { here, there } = areas();
      const parts = await begun('session01', 'one ');
      expect(parts.size).toBe(4);
      expect(await there.find('session01')).toEqual({ parts, claimed: false });
      const second = await there.claim('session01', parts);
      expect(second.size).toBe(4);
      await append(second, 'two ');
      const more = await second.finish();
      const third = await here.claim('session01', more);
      await append(third, 'three');
      expect((await whole(third.read())).toString()).toBe('one two three');
      await third.commit('/blobs/x/data', [{ path: '/links/x', content: Buffer.from('link') }]);
      expect((await contentOf('/blobs/x/data')).toString()).toBe('one two three');
      expect((await opened().other.get('/links/x', { limit: 9 })).toString()).toBe('link');
      expect(await here.find('session01')).toBeUndefined();
    });

    it('keeps every byte of chunks of all sizes', async () => {
      const random = new Seeded(11);
      for (const session of ['sizes1', 'sizes2', 'sizes3']) {
        const hash = createHash('sha256');
        let size = 0;
        let writer = await areas().here.claim(session, undefined);
        for (let part = 0; part < 4; part++) {
          for (let chunk = 0; chunk < 12; chunk++) {
            const bytes = random.bytes(random.pick([0, 1, 17, 4096, 65_536, 400_001]));
            hash.update(bytes);
            size += bytes.length;
            await writer.write(bytes);
          }
          expect(writer.size).toBe(size);
          writer = await areas().there.claim(session, await writer.finish());
        }
        await writer.commit(`/sizes/${session}`, []);
        const stored = await contentOf(`/sizes/${session}`);
        expect(stored).toHaveLength(size);
        expect(createHash('sha256').update(stored).digest('hex')).toBe(hash.digest('hex'));
      }
    });

    it('may be empty', async () => {
      const { here } = areas();
      const parts = await (await here.claim('empty01', undefined)).finish();
      expect(parts.size).toBe(0);
      await (await here.claim('empty01', parts)).commit('/empty/1', []);
      await (await here.claim('empty02', undefined)).commit('/empty/2', []);
      expect(await contentOf('/empty/1')).toHaveLength(0);
      expect(await contentOf('/empty/2')).toHaveLength(0);
    });

    it('replaces an existing file, whose readers go on with the old bytes', async () => {
      const { driver } = opened();
      await driver.put([{ path: '/blob', content: Buffer.from('damaged') }]);
      const reading = await driver.read('/blob');
      const writer = await areas().here.claim('heal01', undefined);
      await append(writer, 'right');
      await writer.commit('/blob', []);
      expect((await whole(reading)).toString()).toBe('damaged');
      expect((await contentOf('/blob')).toString()).toBe('right');
    });

    it('does not mix with others that go on at the same time', async () => {
      const run = async (index: number) => {
        const random = new Seeded(index);
        const session = `many${index}`;
        let writer = await areas().here.claim(session, undefined);
        for (let turn = 0; turn < 5; turn++) {
          await append(writer, `${index}.${turn};`);
          await random.pause();
          writer = await random
            .pick([areas().here, areas().there])
            .claim(session, await writer.finish());
        }
        await writer.commit(`/many/${index}`, []);
        expect((await contentOf(`/many/${index}`)).toString()).toBe(
          [0, 1, 2, 3, 4].map((turn) => `${index}.${turn};`).join(''),
        );
      };
      await Promise.all(Array.from({ length: 20 }, (_, index) => run(index)));
    });

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

  describe('a writer that gives up', () => {
    it('leaves the line as it was', async () => {
      const { here, there } = areas();
      const parts = await begun('abandon01', 'kept');
      const writer = await here.claim('abandon01', parts);
      await append(writer, ' and more than that');
      await writer.abandon();
      expect(await there.find('abandon01')).toEqual({ parts, claimed: false });
      const next = await there.claim('abandon01', parts);
      expect((await whole(next.read())).toString()).toBe('kept');
      await next.abandon();
    });

    it('leaves nothing of a line that it began', async () => {
      const writer = await areas().here.claim('abandon02', undefined);
      await append(writer, 'x');
      await writer.abandon();
      expect(await areas().there.find('abandon02')).toBeUndefined();
    });

    it('cannot write any more', async () => {
      for (const end of ['abandon', 'finish'] as const) {
        const writer = await areas().here.claim(`late-${end}`, undefined);
        await append(writer, 'x');
        await writer[end]();
        await expect(writer.write(Buffer.from('late'))).rejects.toThrow('has ended');
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

  it('begins no second line where one was finished', async () => {
    await begun('second01', 'x');
    await expect(areas().there.claim('second01', undefined)).rejects.toBeInstanceOf(PartsClaimed);
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

  it('gives no line that was committed, is claimed, or never was', async () => {
    const { here, there } = areas();
    const parts = await begun('gone01', 'x');
    const writer = await here.claim('gone01', parts);
    await expect(there.claim('gone01', parts)).rejects.toBeInstanceOf(PartsClaimed);
    await writer.commit('/gone', []);
    await expect(there.claim('gone01', parts)).rejects.toBeInstanceOf(PartsClaimed);
    await expect(there.recover('gone01', parts)).rejects.toBeInstanceOf(PartsClaimed);
    const other = await begun('gone02', 'xy');
    await expect(there.claim('gone01', other)).rejects.toBeInstanceOf(PartsClaimed);
    const wrong = { ...other, size: 1 };
    await expect(there.claim('gone02', wrong)).rejects.toBeInstanceOf(PartsClaimed);
    expect(await there.find('neverseen')).toBeUndefined();
  });

  describe('a session that was ended', () => {
    it('can do nothing any more, until it is forgotten', async () => {
      const { here, there } = areas();
      const parts = await begun('ended01', 'x');
      await here.end('ended01');
      await here.end('ended01');
      await expect(there.find('ended01')).rejects.toBeInstanceOf(SessionEnded);
      await expect(there.claim('ended01', parts)).rejects.toBeInstanceOf(SessionEnded);
      await expect(there.claim('ended01', undefined)).rejects.toBeInstanceOf(SessionEnded);
      await expect(there.recover('ended01', parts)).rejects.toBeInstanceOf(SessionEnded);
      for await (const path of here.sweep(later(), { dryRun: false })) expect(path).toBeDefined();
      expect(await there.find('ended01')).toBeUndefined();
    });

    it('has no line that a request under way could still finish or commit', async () => {
      const { here, there } = areas();
      const one = await here.claim('ended02', await begun('ended02', 'a'));
      const two = await here.claim('ended02', undefined, { newborn: true });
      await append(two, 'b');
      await there.end('ended02');
      await expect(one.finish()).rejects.toBeInstanceOf(SessionEnded);
      await expect(two.commit('/ended/data', [])).rejects.toBeInstanceOf(SessionEnded);
      expect(await isThere('/ended/data')).toBe(false);
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
    const sweep = async (before: number, dryRun: boolean) => {
      const paths: string[] = [];
      for await (const path of areas().here.sweep(before, { dryRun })) paths.push(path);
      return paths;
    };

    it('removes what nobody touched since, and nothing else', async () => {
      const parts = await begun('sweep01', 'x');
      expect(await sweep(Date.now() - 60_000, false)).toEqual([]);
      expect(await areas().there.find('sweep01')).toEqual({ parts, claimed: false });
      expect(await sweep(later(), true)).toHaveLength(1);
      expect(await areas().there.find('sweep01')).toEqual({ parts, claimed: false });
      expect(await sweep(later(), false)).toHaveLength(1);
      expect(await areas().there.find('sweep01')).toBeUndefined();
      expect(await sweep(later(), false)).toEqual([]);
    });

    it('leaves no way for a writer to finish what it removed', async () => {
      const writer = await areas().there.claim('sweep02', undefined);
      await append(writer, 'x');
      await sweep(later(), false);
      await expect(writer.commit('/swept/data', [])).rejects.toBeInstanceOf(PartsClaimed);
      expect(await isThere('/swept/data')).toBe(false);
    });
  });
}

function partsOf(found: { readonly parts: UploadedParts } | undefined): UploadedParts {
  if (found === undefined) throw new Error('the session has no line');
  return found.parts;
}

async function append(writer: PartWriter, text: string): Promise<void> {
  await writer.write(Buffer.from(text));
}
