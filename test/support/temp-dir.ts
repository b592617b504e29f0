import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { run } from './process.js';

/** A folder of its own for one test or suite; whoever makes it removes it. */
export class TempDir {
  private constructor(readonly path: string) {}

  static async create(name = 'test', parent = tmpdir()): Promise<TempDir> {
    return new TempDir(await mkdtemp(join(parent, `holdfast-${name}-`)));
  }

  join(...parts: string[]): string {
    return join(this.path, ...parts);
  }

  /** Takes away what is mounted below it, the newest first. */
  async unmount(): Promise<void> {
    const mounts = (await readFile('/proc/self/mounts', 'utf8'))
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '')
      .filter((path) => path.startsWith(`${this.path}/`));
    for (const mount of mounts.toReversed()) await run('umount', [mount]);
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true, maxRetries: 3 });
  }
}
