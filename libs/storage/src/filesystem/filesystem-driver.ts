import { randomBytes } from 'node:crypto';
import { constants, open as openFd, fstat, type Stats, statSync } from 'node:fs';
import { access, mkdir, open as openHandle, readdir, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

import { LRUCache } from 'lru-cache';

import {
  type ByteRange,
  PathNotFound,
  type StoredContent,
  StorageDriver,
  type StoredEntry,
  type StoredFile,
  StorageUnavailable,
  type StoredStat,
} from '../storage-driver.js';
import { ComparedRemoval } from './compared-removal.js';
import { DurableFiles } from './durable-files.js';
import { errnoOf, translateRead, translateWrite } from './errno.js';
import { FileContent } from './file-content.js';
import { type FileSystem, fileSystemOf } from './file-system.js';
import { FolderSync } from './folder-sync.js';
import { ifThere, unlinkIfThere } from './if-there.js';
import { identityOf, SmallFiles } from './small-files.js';
import { UploadFiles } from './upload-files.js';

const openFile = promisify(openFd);
const statFd = promisify(fstat);

/** Ours within the root: never below `docker/registry/v2`. */
const ownFolder = '/holdfast/v1';

export interface FilesystemOptions {
  readonly rootdirectory: string;
  /** Told before each step of a write: the seam at which tests end the process. */
  readonly onStep?: ((step: string) => void) | undefined;
}

/** Content in a folder of this machine, or of a network file system. */
export class FilesystemDriver extends StorageDriver {
  readonly name = 'filesystem';
  readonly alterable = true;
  readonly uploads: UploadFiles;
  readonly #files: DurableFiles;
  readonly #small: SmallFiles;
  readonly #folders = new FolderSync();
  /** What is known to survive a crash, as it was then. */
  readonly #durable = new LRUCache<string, string>({ max: 20_000 });
  readonly #compared = new ComparedRemoval();

  private constructor(
    private readonly root: string,
    private readonly fileSystem: FileSystem,
    onStep: (step: string) => void,
  ) {
    super();
    const newId = () => randomBytes(12).toString('hex');
    this.#small = new SmallFiles(fileSystem.local);
    this.#files = new DurableFiles({
      root,
      temporaryFolder: join(root, ownFolder, 'temporary'),
      newId,
      folders: this.#folders,
      ordered: fileSystem.ordered,
      onStep,
    });
    this.uploads = new UploadFiles({
      folder: join(root, ownFolder, 'uploads'),
      temporaryFolder: join(root, ownFolder, 'temporary'),
      files: this.#files,
      folders: this.#folders,
      newId,
      onStep,
      resolve: (path) => this.#resolve(path),
    });
  }

  /** @throws {StorageUnavailable} if the root directory cannot be made or written to */
  static async connect({ rootdirectory, onStep = () => {} }: FilesystemOptions) {
    const root = resolve(rootdirectory);
    // mkdir below /proc never returns.
    if (root === '/proc' || root.startsWith('/proc/')) {
      throw new StorageUnavailable(`${root} is not a place for files`);
    }
    try {
      await mkdir(join(root, ownFolder, 'temporary'), { recursive: true });
      await mkdir(join(root, ownFolder, 'uploads'), { recursive: true });
      await access(root, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (error) {
      throw translateWrite(error);
    }
    return new FilesystemDriver(root, await fileSystemOf(root), onStep);
  }

  async get(path: string, { limit }: { limit: number }): Promise<Buffer> {
    const file = this.#resolve(path);
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#small.read(file, limit);
      } catch (error) {
        const held = errnoOf(error) === 'ENOENT' ? await this.#compared.readHeld(file) : undefined;
        if (held === undefined || (held === 'changing' && attempt === 20)) {
          throw translateRead(error, path);
        }
        if (held !== 'changing') return held;
      }
    }
  }

  async stat(path: string): Promise<StoredStat> {
    const file = this.#resolve(path);
    let found: Stats | undefined;
    try {
      found = this.fileSystem.local ? statSync(file, { throwIfNoEntry: false }) : await stat(file);
    } catch (error) {
      throw translateRead(error, path);
    }
    if (found === undefined || !found.isFile()) throw new PathNotFound(path);
    return { size: found.size, modifiedAt: found.mtimeMs, version: identityOf(found) };
  }

  async read(path: string, range?: ByteRange): Promise<StoredContent> {
    let fd: number;
    try {
      fd = await openFile(this.#resolve(path), 'r');
    } catch (error) {
      throw translateRead(error, path);
    }
    const { size } = await statFd(fd);
    return new FileContent(fd, size, range ?? { start: 0, end: size - 1 });
  }

  async put(files: readonly StoredFile[], last: readonly StoredFile[] = []): Promise<void> {
    await this.#writing(async () => {
      const staged = await Promise.allSettled(
        [...files, ...last].map(({ path, content }) =>
          this.#files.stage({ path: this.#resolve(path), content }),
        ),
      );
      const pending = staged.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      try {
        const failure = staged.find((one) => one.status === 'rejected');
        if (failure) throw failure.reason;
        if (files.length > 0) await this.#files.publish(pending.slice(0, files.length));
        if (last.length > 0) await this.#files.publish(pending.slice(files.length));
      } catch (error) {
        await this.#files.discard(pending);
        throw error;
      }
    });
    for (const { path } of [...files, ...last]) this.#remember(path);
  }

  async create({ path, content }: StoredFile): Promise<boolean> {
    return this.#writing(async () => {
      const staged = await this.#files.stage({ path: this.#resolve(path), content });
      const created = await this.#files.publishNew(staged);
      return created;
    });
  }

  async confirm(paths: readonly string[]): Promise<void> {
    await this.#writing(async () => {
      await Promise.all(paths.map((path) => this.#confirmOne(path)));
    });
  }

  async #confirmOne(path: string): Promise<void> {
    const file = this.#resolve(path);
    const { version } = await this.stat(path);
    if (this.#durable.get(path) === version) return;
    const handle = await openHandle(file, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await this.#files.sync(this.#files.foldersAbove(file));
    this.#durable.set(path, version as string);
  }

  /** On a local disk; elsewhere every question costs more than it saves. */
  #remember(path: string): void {
    if (!this.fileSystem.local) return;
    const found = statSync(this.#resolve(path), { throwIfNoEntry: false });
    if (found !== undefined) this.#durable.set(path, identityOf(found));
  }

  async putVolatile({ path, content }: StoredFile): Promise<void> {
    await this.#writing(async () => {
      const file = { path: this.#resolve(path), content };
      await this.#files.publish([await this.#files.stage(file, { volatile: true })], {
        volatile: true,
      });
    });
  }

  async remove(path: string): Promise<void> {
    const file = this.#resolve(path);
    await this.#writing(async () => {
      for (;;) {
        const names = [file, ...(await this.#compared.heldNames(file))];
        const removed = await Promise.all(names.map(unlinkIfThere));
        if (!removed.includes(true)) break;
      }
      await this.#syncIfThere(dirname(file));
    });
  }

  async removeIf(path: string, expected: Uint8Array): Promise<boolean> {
    const file = this.#resolve(path);
    return this.#writing(async () => {
      const removed = await this.#compared.removeIf(file, expected);
      if (removed) await this.#syncIfThere(dirname(file));
      return removed;
    });
  }

  async removeFolder(path: string): Promise<boolean> {
    const folder = this.#resolve(path);
    try {
      await rmdir(folder);
      return true;
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'ENOENT') return true;
      if (errno === 'ENOTEMPTY' || errno === 'ENOTDIR' || errno === 'EEXIST') return false;
      throw translateWrite(error);
    }
  }

  async removeTree(path: string): Promise<void> {
    const folder = this.#resolve(path);
    await this.#writing(async () => {
      await rm(folder, { recursive: true, force: true });
      await this.#syncIfThere(dirname(folder));
    });
  }

  async list(path: string): Promise<readonly StoredEntry[]> {
    const folder = this.#resolve(path);
    const found = (await ifThere(() => readdir(folder, { withFileTypes: true }))) ?? [];
    return found
      .map((entry): StoredEntry => ({
        name: entry.name,
        kind: entry.isDirectory() ? 'folder' : 'file',
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #resolve(path: string): string {
    return this.root + path;
  }

  async #writing<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw translateWrite(error);
    }
  }

  async #syncIfThere(folder: string): Promise<void> {
    await ifThere(() => this.#folders.sync(folder));
  }
}
