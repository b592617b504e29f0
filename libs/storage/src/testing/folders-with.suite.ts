import { describe, expect, it } from '@jest/globals';

import type { StorageDriver } from '../storage-driver.js';
import { Seeded } from './seeded.js';

/** Pages of folders that hold a file; a part of the suite of drivers. */
export function describeFoldersWith(
  opened: () => { readonly driver: StorageDriver; readonly other: StorageDriver },
): void {
  const file = 'current/link';

  /** Folders that have the file, with others in between that do not, and much else in each. */
  async function write(names: readonly string[], others: readonly string[] = []): Promise<void> {
    const at = (path: string) => ({ path, content: Buffer.from('x') });
    await opened().driver.put([
      ...names.flatMap((name) => [at(`/t/${name}/${file}`), at(`/t/${name}/index/${name}/link`)]),
      ...others.map((name) => at(`/t/${name}/index/x/link`)),
      at('/t/file'),
      at('/tt/beside/current/link'),
    ]);
  }

  async function pages(limit: number): Promise<string[][]> {
    const found: string[][] = [];
    for (let after: string | undefined; ;) {
      const page = await opened().other.foldersWith('/t', file, { limit, after });
      found.push([...page.names]);
      if (!page.more) return found;
      after = page.names.at(-1);
    }
  }

  describe('foldersWith', () => {
    it('gives those that hold the file, in the order of their names, in pages of any size', async () => {
      const names = ['1', '1-alpine', '1.0', '1.0.1', '1.0-rc.1', '10', '2', 'A', '_x', 'a', 'a-b'];
      await write(names, ['0', '1-', '1.', 'a.b', 'z']);
      const expected = names.toSorted();
      expect(await opened().driver.foldersWith('/t', file)).toEqual({
        names: expected,
        more: false,
      });
      for (const limit of [1, 2, 3, 5, 10, 11, 12]) {
        const found = await pages(limit);
        expect(found.flat()).toEqual(expected);
        expect(found.slice(0, -1).every((page) => page.length === limit)).toBe(true);
      }
    });

    it('goes on after a name that is not there, and says when nothing is left', async () => {
      await write(['a', 'b', 'b-c', 'd']);
      const from = (after: string) => opened().driver.foldersWith('/t', file, { limit: 2, after });
      expect(await from('aa')).toEqual({ names: ['b', 'b-c'], more: true });
      expect(await from('b')).toEqual({ names: ['b-c', 'd'], more: false });
      expect(await from('b-')).toEqual({ names: ['b-c', 'd'], more: false });
      expect(await from('d')).toEqual({ names: [], more: false });
      expect(await opened().driver.foldersWith('/none', file)).toEqual({ names: [], more: false });
    });

    it('is the same for names of any letters', async () => {
      const random = new Seeded(3);
      const letters = ['a', '-', '.', '0', '_'];
      const names = new Set<string>();
      while (names.size < 60) {
        const length = 1 + random.below(5);
        names.add(Array.from({ length }, () => random.pick(letters)).join(''));
      }
      // No names of a folder's own.
      names.delete('.');
      names.delete('..');
      await write(Array.from(names));
      for (const limit of [1, 7, 60]) {
        expect((await pages(limit)).flat()).toEqual(Array.from(names).toSorted());
      }
    });
  });
}
