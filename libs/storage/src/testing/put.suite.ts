import { describe, expect, it } from '@jest/globals';

import type { StorageDriver } from '../storage-driver.js';

const limit = 1024;

/** Writing while others read, write and tidy up; a part of the suite of drivers. */
export function describePut(
  opened: () => { readonly driver: StorageDriver; readonly other: StorageDriver },
): void {
  const driver = () => opened().driver;
  const other = () => opened().other;
  const put = (path: string, content: string | Buffer) =>
    driver().put([{ path, content: Buffer.from(content) }]);
  const get = async (path: string, from = driver()) => (await from.get(path, { limit })).toString();

  describe('put', () => {
    it('writes several files and replaces what was there', async () => {
      await put('/x/one', 'old');
      await driver().put(
        [
          { path: '/x/one', content: Buffer.from('1') },
          { path: '/y/z/two', content: Buffer.from('2') },
        ],
        [{ path: '/last', content: Buffer.from('3') }],
      );
      expect([await get('/x/one'), await get('/y/z/two'), await get('/last')]).toEqual([
        '1',
        '2',
        '3',
      ]);
    });

    it('shows the last file to nobody who cannot see the others', async () => {
      for (let turn = 1; turn <= 20; turn++) {
        const file = (path: string) => ({ path, content: Buffer.from(String(turn)) });
        const writing = driver().put([file('/first/a'), file('/first/b')], [file('/last')]);
        const done = watch(writing);
        while (!(await done())) {
          const last = Number(await get('/last', other()).catch(() => '0'));
          for (const path of last > 0 ? ['/first/a', '/first/b'] : []) {
            expect(Number(await get(path, other()))).toBeGreaterThanOrEqual(last);
          }
        }
        await writing;
      }
    });

    it('never shows a part of a file, nor none, while it is replaced', async () => {
      const contents = ['a', 'b', 'c'].map((letter, index) => letter.repeat(200 + 200 * index));
      await put('/link', contents[0] as string);
      const writing = Promise.all(
        [driver(), other()].map(async (one) => {
          for (let turn = 0; turn < 40; turn++) {
            const content = Buffer.from(contents[turn % 3] as string);
            await one.put([{ path: '/link', content }]);
          }
        }),
      );
      const done = watch(writing);
      while (!(await done())) expect(contents).toContain(await get('/link', other()));
      await writing;
    });

    it('needs no folder, and survives its removal at any moment', async () => {
      const writing = Promise.all(
        Array.from({ length: 30 }, (_, turn) => put(`/a/b/${turn}/link`, 'x')),
      );
      const done = watch(writing);
      while (!(await done())) {
        for (const { name } of await other().list('/a/b'))
          await other().removeFolder(`/a/b/${name}`);
        await other().removeFolder('/a/b');
      }
      await writing;
      expect(await driver().list('/a/b')).toHaveLength(30);
    });

    it('keeps its own copy', async () => {
      const content = Buffer.from('before');
      await driver().put([{ path: '/a', content }]);
      content.fill('x');
      expect(await get('/a')).toBe('before');
    });
  });

  describe('putVolatile', () => {
    it('writes a file and replaces it', async () => {
      for (const content of ['one', 'two']) {
        await driver().putVolatile({ path: '/v/a', content: Buffer.from(content) });
        expect(await get('/v/a', other())).toBe(content);
      }
    });
  });
}

/** Tells whether a promise has ended. */
function watch(promise: Promise<unknown>): () => Promise<boolean> {
  let ended = false;
  const end = () => {
    ended = true;
  };
  promise.then(end, end);
  // What is answered from memory would otherwise leave the others no turn.
  return async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return ended;
  };
}
