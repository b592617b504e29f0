import { createHash } from 'node:crypto';

import { describe, expect, it } from '@jest/globals';

import type { StorageDriver } from '../storage-driver.js';
import { PartsClaimed, SessionEnded } from '../upload-area.js';
import { describeClaimedLines } from './claimed-lines.suite.js';
import type { DriverTraits } from './driver-traits.js';
import { append, finishedLine } from './lines.js';
import { describeLongLines } from './long-lines.suite.js';
import { Seeded } from './seeded.js';
import { describeUnclaimedLines } from './unclaimed-lines.suite.js';
import { whole } from './whole.js';

const later = () => Date.now() + 60_000;

/** What every driver does with uploads; a part of the suite of drivers. */
export function describeUploadArea(
  opened: () => { readonly driver: StorageDriver; readonly other: StorageDriver },
  traits: DriverTraits,
): void {
  const areas = () => ({ here: opened().driver.uploads, there: opened().other.uploads });
  const contentOf = async (path: string) => whole(await opened().driver.read(path));
  const begun = (session: string, text: string) => finishedLine(areas().here, session, text);

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

  it('begins no second line where one was finished', async () => {
    await begun('second01', 'x');
    await expect(areas().there.claim('second01', undefined)).rejects.toBeInstanceOf(PartsClaimed);
  });

  it('gives no line that was committed, or never was', async () => {
    const { here, there } = areas();
    const parts = await begun('gone01', 'x');
    const writer = await here.claim('gone01', parts);
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
  });

  describeLongLines(opened);
  if (traits.uploadsSettledBy === 'claim') describeClaimedLines(opened);
  else describeUnclaimedLines(opened, traits);
}
