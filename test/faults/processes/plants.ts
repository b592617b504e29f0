import callbacks from 'node:fs';
import fs, { open } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';

/**
 * Bugs to plant below the product, to show that a test would see them. Each changes Node's own file functions in this
 * process, before anything uses them.
 */
const plants = {
  /** Bytes are not on the disk when the driver believes so. */
  'no-file-sync': () => changeSync((isFolder) => isFolder),
  /** Names are not on the disk when the driver believes so. */
  'no-folder-sync': () => changeSync((isFolder) => !isFolder),
  /** A claim that leaves the part to others: two writers share one file. */
  'shared-claim': async () => {
    const { rename, link } = fs;
    const share = async (from: string, to: string) => {
      const claims = /\.done\.\w+$/.test(basename(from)) && /\.open\.\w+$/.test(basename(to));
      return claims ? link(from, to) : rename(from, to);
    };
    Object.assign(fs, { rename: share });
    syncBuiltinESMExports();
  },
  /** A copy for recovery that is no copy: a dead writer's file is written on. */
  'shared-recovery': async () => {
    Object.assign(fs, { copyFile: fs.link });
    syncBuiltinESMExports();
  },
} satisfies Readonly<Record<string, () => Promise<void>>>;

export type Plant = keyof typeof plants;

export async function plant(name: Plant): Promise<void> {
  await plants[name]();
}

/** In both of Node's interfaces to files, whichever the driver uses. */
async function changeSync(keeps: (isFolder: boolean) => boolean): Promise<void> {
  const isKept = (fd: number) => keeps(callbacks.fstatSync(fd).isDirectory());
  const handle = await open('/dev/null');
  const prototype = Object.getPrototypeOf(handle) as typeof handle;
  await handle.close();
  for (const name of ['sync', 'datasync'] as const) {
    const original = prototype[name];
    prototype[name] = async function (this: typeof handle) {
      if (isKept(this.fd)) await original.call(this);
    };
  }
  for (const name of ['fsync', 'fdatasync'] as const) {
    const original = callbacks[name];
    const changed = (fd: number, done: (error: Error | null) => void) =>
      isKept(fd) ? original(fd, done) : setImmediate(done, null);
    Object.assign(callbacks, { [name]: changed });
  }
  syncBuiltinESMExports();
}
