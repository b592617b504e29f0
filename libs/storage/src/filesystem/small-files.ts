import { closeSync, open, read, type Stats, statSync } from 'node:fs';
import { promisify } from 'node:util';

import { LRUCache } from 'lru-cache';

import { ContentTooLarge } from '../storage-driver.js';
import { notAFile, notThere, readWithoutWaiting, statOpened } from './look-at-file.js';

const openFile = promisify(open);
const readFile = promisify(read);

/** What tells two states of a file apart. A whole `Stats` takes three times the memory. */
type FileTimes = Pick<Stats, 'dev' | 'ino' | 'size' | 'mtimeMs' | 'ctimeMs'>;

interface Known extends FileTimes {
  readonly content: Buffer;
}

/** Links, sizes, records of referrers. Whoever reads a larger file again and again keeps what it made of it. */
const largestKept = 1024;

/** Bytes of memory for all that is kept. */
const mostKept = 20 * 1024 * 1024;

/** Bytes that an entry takes besides its name and content, as measured: most of it is the objects around them. */
const entryCost = 768;

/**
 * A file that changed within one tick of the kernel's clock can change again and show the same times, and a new file can
 * have the inode number of the one that it replaced. What was read within this many milliseconds of its change is not kept
 * (git's index takes the same care). The slowest tick of Linux is 10 ms.
 */
const clockGranularity = 40;

/**
 * Reads small files. On a local disk one `stat` tells whether what was read before is still there; it is made in place,
 * since the kernel answers it from memory in two microseconds and a thread's hand-over costs ten times that.
 */
export class SmallFiles {
  readonly #known = new LRUCache<string, Known>({
    maxSize: mostKept,
    sizeCalculation: ({ content }, path) => content.length + path.length + entryCost,
  });

  constructor(private readonly local: boolean) {}

  /** What was read before, if one look shows that it is still there. */
  readKnown(path: string, limit: number): Buffer | undefined {
    const known = this.#known.get(path);
    if (known === undefined || known.content.length > limit) return undefined;
    try {
      const stat = statSync(path, { throwIfNoEntry: false });
      return stat !== undefined && isUnchanged(stat, known) ? known.content : undefined;
    } catch {
      return undefined; // Whoever reads is told.
    }
  }

  /** @throws the errors of `open(2)` */
  async read(path: string, limit: number): Promise<Buffer> {
    if (this.local) {
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat === undefined) throw notThere(path);
      const known = this.#known.get(path);
      const isSame = known !== undefined && isUnchanged(stat, known);
      if (isSame && known.content.length <= limit) return known.content;
    }
    return this.#readFresh(path, limit);
  }

  async #readFresh(path: string, limit: number): Promise<Buffer> {
    const fd = await openFile(path, readWithoutWaiting);
    try {
      const stat = await statOpened(fd, this.local);
      const settled = isSettled(stat); // As of before the reading, which may take its time.
      if (!stat.isFile()) throw notAFile();
      if (stat.size > limit) throw new ContentTooLarge(path, stat.size, limit);
      const content = Buffer.allocUnsafeSlow(stat.size);
      let length = 0;
      while (length < content.length) {
        const { bytesRead } = await readFile(fd, content, length, content.length - length, length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      const whole = length === content.length;
      if (this.local && whole && settled && stat.size <= largestKept) {
        const { dev, ino, size, mtimeMs, ctimeMs } = stat;
        this.#known.set(path, { dev, ino, size, mtimeMs, ctimeMs, content });
      }
      return content.subarray(0, length);
    } finally {
      closeSync(fd);
    }
  }
}

export function identityOf(stat: Stats): string {
  return `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeMs}:${stat.ctimeMs}`;
}

/** Whether two looks saw the same file with the same content. */
function isUnchanged(now: FileTimes, before: FileTimes): boolean {
  return (
    now.ino === before.ino &&
    now.ctimeMs === before.ctimeMs &&
    now.mtimeMs === before.mtimeMs &&
    now.size === before.size &&
    now.dev === before.dev
  );
}

/** Whether a change after this moment must show in the identity. */
export function isSettled(stat: Stats): boolean {
  const age = Date.now() - Math.max(stat.ctimeMs, stat.mtimeMs);
  return age > clockGranularity;
}
