import { randomBytes } from 'node:crypto';
import { close as closeFd, existsSync } from 'node:fs';
import { rm, rmdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

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
import { ConfirmedFiles } from './confirmed-files.js';
import { DurableFiles, type OnStep, type PendingFile } from './durable-files.js';
import { errnoOf, isNotThere, rootGone, translateRead, translateWrite } from './errno.js';
import { GatheredBytes } from './file-appender.js';
import { FileContent } from './file-content.js';
import { type FileSystem, fileSystemOf } from './file-system.js';
import { FolderLists } from './folder-lists.js';
import { FolderSync } from './folder-sync.js';
import { ifThere, isThere } from './if-there.js';
import { openToRead, statFile, statOpened } from './look-at-file.js';
import { lookAtRoot, ownFolder, prepareRoot } from './root-folder.js';
import { identityOf, SmallFiles } from './small-files.js';
import { UploadFiles } from './upload-files.js';

export interface FilesystemOptions {
  readonly rootdirectory: string;
  /** Nothing is made or changed, and need not be possible to. */
  readonly readonly?: boolean;
  /** Told before each step of a write: the seam at which tests end the process. */
  readonly onStep?: OnStep | undefined;
}

/** Content in a folder of this machine, or of a network file system. */
export class FilesystemDriver extends StorageDriver {
  readonly name = 'filesystem';
  readonly alterable = true;
  override readonly ordered: boolean;
  readonly uploads: UploadFiles;
  readonly #files: DurableFiles;
  readonly #small: SmallFiles;
  readonly #lists: FolderLists;
  readonly #folders: FolderSync;
  readonly #confirmed: ConfirmedFiles;
  readonly #compared: ComparedRemoval;
  readonly #readonly: boolean;

  private constructor(
    private readonly root: string,
    private readonly fileSystem: FileSystem,
    /** A folder that was there at the start: without it the root is gone. */
    private readonly landmark: string,
    { onStep = () => {}, readonly = false }: FilesystemOptions,
  ) {
    super();
    this.#readonly = readonly;
    const { local, ordered } = fileSystem;
    this.ordered = ordered;
    const temporaryFolder = join(root, ownFolder, 'temporary');
    this.#folders = new FolderSync(local);
    const newId = () => randomBytes(12).toString('hex');
    const common = { temporaryFolder, local, folders: this.#folders, newId, onStep };
    this.#small = new SmallFiles(local);
    this.#lists = new FolderLists(local);
    this.#files = new DurableFiles({ ...common, root, ordered });
    this.#confirmed = new ConfirmedFiles(this.#files, local);
    this.#compared = new ComparedRemoval({
      ...common,
      ordered,
      folder: join(root, ownFolder, 'removing'),
    });
    this.uploads = new UploadFiles({
      ...common,
      folder: join(root, ownFolder, 'uploads'),
      files: this.#files,
      gathered: new GatheredBytes(),
      resolve: (path) => this.#resolve(path),
    });
  }

  /** @throws {StorageUnavailable} if the root directory cannot be made or written to, or just read where that is enough */
  static async connect(options: FilesystemOptions): Promise<FilesystemDriver> {
    const root = resolve(options.rootdirectory);
    // mkdir below /proc never returns.
    if (root === '/proc' || root.startsWith('/proc/')) {
      throw new StorageUnavailable(`${root} is not a place for files`);
    }
    const landmark = await (options.readonly ? lookAtRoot(root) : prepareRoot(root));
    try {
      const driver = new FilesystemDriver(root, await fileSystemOf(root), landmark, options);
      if (!options.readonly) await driver.#compared.settleAll();
      return driver;
    } catch (error) {
      throw translateWrite(error);
    }
  }

  async get(path: string, { limit }: { limit: number }): Promise<Buffer> {
    return this.#reading(path, (file) => this.#small.read(file, limit));
  }

  override getAtOnce(path: string, limit: number): Buffer | undefined {
    return this.#small.readKnown(this.#resolve(path), limit);
  }

  async stat(path: string): Promise<StoredStat> {
    const found = await this.#reading(path, (file) => statFile(file, this.fileSystem.local));
    return { size: found.size, modifiedAt: found.mtimeMs, version: identityOf(found) };
  }

  async read(path: string, range?: ByteRange): Promise<StoredContent> {
    const fd = await this.#reading(path, (file) => openToRead(file, this.fileSystem.local));
    try {
      const found = await statOpened(fd, this.fileSystem.local);
      if (!found.isFile()) throw new PathNotFound(path);
      return new FileContent(fd, found.size, range ?? { start: 0, end: found.size - 1 });
    } catch (error) {
      closeFd(fd);
      throw error;
    }
  }

  async put(files: readonly StoredFile[], last: readonly StoredFile[] = []): Promise<void> {
    const pending = await this.#writing(async () => {
      const staged = await this.#files.stageAll(
        [...files, ...last].map(({ path, content }) => ({ path: this.#resolve(path), content })),
      );
      return this.#orDiscard(staged, async () => {
        if (files.length > 0) await this.#files.publish(staged.slice(0, files.length));
        if (last.length > 0) await this.#files.publish(staged.slice(files.length));
        return staged;
      });
    });
    for (const file of pending) this.#confirmed.remember(file);
  }

  async create({ path, content }: StoredFile): Promise<boolean> {
    const file = this.#resolve(path);
    if (await this.#isThere(path)) return false;
    return this.#writing(async () => {
      const staged = await this.#files.stage({ path: file, content });
      const create = () => this.#files.publishNew(staged);
      const created = await this.#orDiscard([staged], () =>
        this.#compared.undisturbed(file, create),
      );
      await this.#files.discard([staged]);
      return created;
    });
  }

  async confirm(paths: readonly string[]): Promise<void> {
    await this.#writing(async () => {
      await Promise.all(paths.map((path) => this.#confirmOne(path)));
    });
  }

  async putVolatile({ path, content }: StoredFile): Promise<void> {
    // What may be lost is lost at once.
    if (this.#readonly) return;
    await this.#writing(async () => {
      const staged = await this.#files.stage(
        { path: this.#resolve(path), content },
        { volatile: true },
      );
      await this.#orDiscard([staged], () => this.#files.publish([staged], { volatile: true }));
    });
  }

  async remove(path: string): Promise<void> {
    const file = this.#resolve(path);
    await this.#writing(async () => {
      await this.#compared.remove(file);
      await this.#syncIfThere(dirname(file));
    });
  }

  async removeIf(path: string, expected: Uint8Array): Promise<boolean> {
    const file = this.#resolve(path);
    return this.#writing(() => this.#compared.removeIf(file, expected));
  }

  async removeFolder(path: string): Promise<boolean> {
    this.#mustBeWritable();
    try {
      await rmdir(this.#resolve(path));
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
    const entries = await this.#lists.list(folder);
    if (entries !== undefined) return entries;
    if (await this.#isRootGone()) throw rootGone();
    return [];
  }

  #resolve(path: string): string {
    return this.root + path;
  }

  async #reading<T>(path: string, read: (file: string) => Promise<T>): Promise<T> {
    try {
      return await this.#compared.find(this.#resolve(path), read);
    } catch (error) {
      if (isNotThere(error) && (await this.#isRootGone())) throw rootGone(error);
      throw translateRead(error, path);
    }
  }

  async #writing<T>(action: () => Promise<T>): Promise<T> {
    this.#mustBeWritable();
    try {
      return await action();
    } catch (error) {
      throw translateWrite(error);
    }
  }

  #mustBeWritable(): void {
    if (this.#readonly) throw new StorageUnavailable('storage.maintenance.readonly is set');
  }

  async #orDiscard<T>(staged: readonly PendingFile[], action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      await this.#files.discard(staged);
      throw error;
    }
  }

  async #confirmOne(path: string): Promise<void> {
    const { version = '' } = await this.stat(path);
    await this.#confirmed.confirm(this.#resolve(path), version, (open) =>
      this.#reading(path, open),
    );
  }

  async #isThere(path: string): Promise<boolean> {
    try {
      await this.stat(path);
      return true;
    } catch (error) {
      if (error instanceof PathNotFound) return false;
      throw error;
    }
  }

  async #isRootGone(): Promise<boolean> {
    return this.fileSystem.local ? !existsSync(this.landmark) : !(await isThere(this.landmark));
  }

  async #syncIfThere(folder: string): Promise<void> {
    await ifThere(() => this.#folders.sync(folder));
  }
}
