import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { run } from '../support/process.js';
import { until } from '../support/until.js';

const MiB = 1024 * 1024;

export interface DiskOptions {
  readonly type: 'ext4' | 'xfs';
  readonly mebibytes: number;
}

const make = {
  ext4: (image: string) => run('mkfs.ext4', ['-q', '-F', '-m', '0', image]),
  xfs: (image: string) => run('mkfs.xfs', ['-q', '-f', image]),
};

/** A file system of its own, in a file. Whoever makes it takes it off again. */
export class Disk {
  private constructor(
    private readonly image: string,
    readonly mountPoint: string,
  ) {}

  static async create(folder: string, { type, mebibytes }: DiskOptions): Promise<Disk> {
    const disk = new Disk(join(folder, `${type}.img`), join(folder, type));
    await writeFile(disk.image, '');
    await truncate(disk.image, mebibytes * MiB);
    await make[type](disk.image);
    await mkdir(disk.mountPoint);
    await disk.mount();
    return disk;
  }

  async mount(): Promise<void> {
    await run('mount', ['-o', 'loop', this.image, this.mountPoint]);
  }

  /** A copy of the mount, such as a container that was just started has, would bring back what was shut down. */
  async unmount(): Promise<void> {
    await run('umount', [this.mountPoint]);
    await until(
      `${this.image} to be let go`,
      async () => (await run('losetup', ['-j', this.image])) === '',
    );
  }

  /** From this moment nothing more reaches the disk: what was not on it is lost. */
  async losePower(): Promise<void> {
    await run('xfs_io', ['-x', '-c', 'shutdown', this.mountPoint]);
  }

  async remount(option: 'ro' | 'rw'): Promise<void> {
    await run('mount', ['-o', `remount,${option}`, this.mountPoint]);
  }

  async remove(): Promise<void> {
    await this.unmount().catch(() => undefined);
    await rm(this.image, { force: true });
  }
}
