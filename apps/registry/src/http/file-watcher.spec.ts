import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { FileWatcher } from './file-watcher.js';

describe('FileWatcher', () => {
  let folder: string;
  let watcher: FileWatcher | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'watched-'));
  });
  afterEach(async () => {
    watcher?.stop();
    await rm(folder, { recursive: true });
  });

  async function watch(names: readonly string[], apply: () => Promise<void>) {
    const lines: string[] = [];
    const line = (_fields: object, message: string) => void lines.push(message);
    const files = names.map((name) => join(folder, name));
    const log = { info: line, warn: line };
    watcher = await FileWatcher.start({ what: 'thing', files, apply, log, intervalMs: 3_600_000 });
    return { watcher, lines };
  }

  it('applies what changed, once', async () => {
    await writeFile(join(folder, 'a'), 'one');
    let applied = 0;
    const { watcher: watching, lines } = await watch(['a'], async () => void applied++);
    await watching.look();
    expect(applied).toBe(0);
    await writeFile(join(folder, 'a'), 'other');
    await watching.look();
    await watching.look();
    expect(applied).toBe(1);
    expect(lines).toEqual(['thing reloaded']);
  });

  it('sees a file that comes, and the swap of a link above it', async () => {
    let applied = 0;
    const { watcher: watching } = await watch(['a'], async () => void applied++);
    await writeFile(join(folder, 'one'), 'same');
    await writeFile(join(folder, 'two'), 'same');
    await symlink('one', join(folder, 'a'));
    await watching.look();
    await symlink('two', join(folder, 'next'));
    await rename(join(folder, 'next'), join(folder, 'a'));
    await watching.look();
    expect(applied).toBe(2);
  });

  it('says that what is new cannot be used, and tries again when it changes', async () => {
    await writeFile(join(folder, 'a'), 'one');
    let bad = true;
    const { watcher: watching, lines } = await watch(['a'], async () => {
      if (bad) throw new Error('no pair');
    });
    await writeFile(join(folder, 'a'), 'nonsense');
    await watching.look();
    await watching.look();
    expect([watching.failed, watching.failures]).toEqual([true, 1]);
    expect(lines).toEqual(['new thing cannot be used; the old one stays']);
    bad = false;
    await writeFile(join(folder, 'a'), 'good again');
    await watching.look();
    expect([watching.failed, watching.failures]).toEqual([false, 1]);
  });
});
