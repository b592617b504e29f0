import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { SmallFiles } from './small-files.js';

const KiB = 1024;

describe('SmallFiles', () => {
  let folder: string;
  let files: SmallFiles;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-small-'));
    files = new SmallFiles(true);
  });
  afterEach(async () => rm(folder, { recursive: true, force: true }));

  /** Writes a file and waits until its times can be trusted. */
  async function settledFile(name: string, size: number): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, Buffer.alloc(size, 'x'));
    const written = Date.now();
    while (Date.now() - written < 100) await new Promise((resolve) => setImmediate(resolve));
    return path;
  }

  it('keeps what is as small as a link, and leaves manifests to others', async () => {
    const link = await settledFile('link', 71);
    const manifest = await settledFile('data', 2 * KiB);
    for (const path of [link, manifest]) await files.read(path, 4 * KiB);
    expect(files.readKnown(link, 4 * KiB)).toHaveLength(71);
    expect(files.readKnown(manifest, 4 * KiB)).toBeUndefined();
  });

  it('bounds what it keeps by memory, and keeps what was read last', async () => {
    await settledFile('file', KiB);
    // One file by many names: each bit of the number is a longer way to the same folder.
    const names = Array.from({ length: 16 * KiB }, (_, index) => {
      const bits = index.toString(2).padStart(14, '0');
      return `${folder}${bits.replaceAll('0', '/').replaceAll('1', '/./')}file`;
    });
    for (let start = 0; start < names.length; start += 64) {
      await Promise.all(names.slice(start, start + 64).map((name) => files.read(name, KiB)));
    }
    const kept = names.filter((name) => files.readKnown(name, KiB) !== undefined);
    expect(kept.length).toBeGreaterThan(8 * KiB);
    // A buffer and the objects around it take 768 bytes besides.
    expect(kept.length * (KiB + 768)).toBeLessThan(20 * KiB * KiB);
    expect(kept.at(-1)).toBe(names.at(-1));
  }, 30_000);
});
