import { createHash } from 'node:crypto';

import { describe, expect, it } from '@jest/globals';

import type { StorageDriver } from '../storage-driver.js';
import type { PartWriter, UploadedParts } from '../upload-area.js';
import { append, isThere } from './lines.js';
import { Seeded } from './seeded.js';
import { whole } from './whole.js';

const MiB = 1024 * 1024;

/** Lines of many parts, and parts of many bytes; a part of the suite of drivers. */
export function describeLongLines(
  opened: () => { readonly driver: StorageDriver; readonly other: StorageDriver },
): void {
  const areas = () => ({ here: opened().driver.uploads, there: opened().other.uploads });

  /** Writes bytes that differ everywhere, and hashes them. */
  async function fill(writer: PartWriter, bytes: number, hash = createHash('sha256')) {
    const random = new Seeded(bytes);
    for (let left = bytes; left > 0;) {
      const chunk = random.bytes(Math.min(left, 1 + random.below(300_000)));
      left -= chunk.length;
      hash.update(chunk);
      await writer.write(chunk);
    }
    return hash;
  }

  async function hashOf(path: string): Promise<string> {
    const hash = createHash('sha256');
    for await (const chunk of await opened().other.read(path)) hash.update(chunk);
    return hash.digest('hex');
  }

  describe('a long upload', () => {
    it('of one part goes straight to where it was said to go, and is not there before', async () => {
      const path = '/straight/large';
      const writer = await areas().here.claim('long01', undefined, {
        newborn: true,
        destination: path,
      });
      const hash = await fill(writer, 25 * MiB + 1);
      expect(await isThere(opened().other, path)).toBe(false);
      await writer.commit(path, [{ path: '/straight/link', content: Buffer.from('x') }]);
      expect(await hashOf(path)).toBe(hash.digest('hex'));
      expect(await areas().there.find('long01')).toBeUndefined();
    }, 60_000);

    it('leaves nothing where it was said to go when it is given up', async () => {
      const path = '/straight/given-up';
      const purpose = { newborn: true, destination: path };
      const writer = await areas().here.claim('long02', undefined, purpose);
      await fill(writer, 25 * MiB);
      await writer.abandon();
      expect(await isThere(opened().other, path)).toBe(false);
      expect(await areas().there.find('long02')).toBeUndefined();
    }, 60_000);

    it('of large and small parts is committed with bytes or without', async () => {
      for (const complete of [true, false]) {
        const session = `long03${complete}`;
        const hash = createHash('sha256');
        let parts: UploadedParts | undefined;
        for (const bytes of [1, 21 * MiB, 5 * MiB - 1, 17, 5 * MiB + 1]) {
          const writer = await areas().here.claim(session, parts);
          await fill(writer, bytes, hash);
          parts = await writer.finish();
        }
        const path = `/long/${complete}`;
        const last = await areas().there.claim(session, parts, { complete, destination: path });
        if (!complete) await fill(last, 11 * MiB, hash);
        await last.commit(path, []);
        expect(await hashOf(path)).toBe(hash.digest('hex'));
        expect(await areas().here.find(session)).toBeUndefined();
      }
    }, 120_000);

    it('of more parts than a token can name goes on, and is read and committed', async () => {
      let parts: UploadedParts | undefined;
      const expected: string[] = [];
      for (let turn = 0; turn < 40; turn++) {
        const area = turn % 2 === 0 ? areas().here : areas().there;
        const writer = await area.claim('long04', parts);
        expected.push(`${turn}${'.'.repeat(turn)}`);
        await append(writer, expected.at(-1) as string);
        parts = await writer.finish();
        expect(parts.token.length).toBeLessThan(700);
        expect(await areas().there.find('long04')).toEqual({ parts, claimed: false });
      }
      const last = await areas().there.claim('long04', parts, { complete: true });
      expect((await whole(last.read())).toString()).toBe(expected.join(''));
      await last.commit('/long/parts', []);
      expect((await whole(await opened().driver.read('/long/parts'))).toString()).toBe(
        expected.join(''),
      );
    }, 60_000);
  });
}
