import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of its own for one test or suite; whoever makes it removes it. */
export class TempDir {
  private constructor(readonly path: string) {}

  static async create(name = 'test'): Promise<TempDir> {
    return new TempDir(await mkdtemp(join(tmpdir(), `holdfast-${name}-`)));
  }

  join(...parts: string[]): string {
    return join(this.path, ...parts);
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true, maxRetries: 3 });
  }
}
