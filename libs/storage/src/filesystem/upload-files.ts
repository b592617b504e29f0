import { constants, copyFile, type FileHandle, mkdir, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { PartsClaimed, SessionEnded, UploadArea, type UploadedParts } from '../upload-area.js';
import type { DurableFiles } from './durable-files.js';
import { translateWrite } from './errno.js';
import type { FolderSync } from './folder-sync.js';
import { ifThere, namesIn, renameIfThere, unlinkIfThere } from './if-there.js';
import { type LineName, parseLineName, lineName } from './line-name.js';
import { UploadFile } from './upload-file.js';

export interface UploadFilesOptions {
  /** Absolute. */
  readonly folder: string;
  readonly temporaryFolder: string;
  readonly files: DurableFiles;
  readonly folders: FolderSync;
  readonly newId: () => string;
  readonly onStep: (step: string) => void;
  /** From a path of the storage to one of the machine. */
  readonly resolve: (path: string) => string;
}

const endedSuffix = '.ended';

/**
 * Uploads on a disk: a line is one file, which each request takes over by renaming it to a name of its own
 * ({@link LineName}). One of two who rename the same file wins. The files of a session lie in one of 256 folders, chosen by
 * the last two characters of its id, so that neither a folder nor its list grows with the registry.
 */
export class UploadFiles extends UploadArea {
  readonly minimumPartSize = 0;

  constructor(private readonly options: UploadFilesOptions) {
    super();
  }

  async claim(session: string, parts: UploadedParts | undefined): Promise<UploadFile> {
    const line = this.#newLine(session, parts?.size ?? 0);
    if (parts === undefined) {
      if (await this.#isEnded(session)) throw new SessionEnded(session);
      return this.#open(line, 'wx');
    }
    const finished = { session, size: parts.size, state: 'done', writer: parts.token } as const;
    const taken = await renameIfThere(this.#path(finished), this.#path(line));
    if (!taken) {
      if (await this.#isEnded(session)) throw new SessionEnded(session);
      throw new PartsClaimed(session);
    }
    return this.#open(line, 'r+', finished);
  }

  async recover(session: string, parts: UploadedParts): Promise<UploadFile> {
    if (parts.size === 0) return this.claim(session, undefined);
    if (await this.#isEnded(session)) throw new SessionEnded(session);
    const name = (await this.#lines(session)).find(({ writer }) => writer === parts.token);
    if (name === undefined) throw new PartsClaimed(session);
    const line = this.#newLine(session, parts.size);
    const copied = await ifThere(async () => {
      await copyFile(this.#path(name), this.#path(line), constants.COPYFILE_FICLONE);
      return true;
    }).catch(async (error: unknown) => {
      await rm(this.#path(line), { force: true });
      throw translateWrite(error);
    });
    if (copied === undefined) throw new PartsClaimed(session);
    const finished: LineName = { ...line, state: 'done' };
    return this.#open(line, 'r+', finished);
  }

  async find(session: string) {
    if (await this.#isEnded(session)) throw new SessionEnded(session);
    const lines = await this.#lines(session);
    const longest = lines.reduce<LineName | undefined>(
      (best, line) => (best === undefined || isLonger(line, best) ? line : best),
      undefined,
    );
    if (longest === undefined) return undefined;
    return {
      parts: { size: longest.size, token: longest.writer },
      claimed: longest.state === 'open',
    };
  }

  async end(session: string): Promise<void> {
    const folder = this.#shard(session);
    try {
      await mkdir(folder, { recursive: true });
      await (await open(join(folder, session + endedSuffix), 'w')).close();
      for (const line of await this.#lines(session)) await unlinkIfThere(this.#path(line));
      await this.options.folders.sync(folder);
    } catch (error) {
      throw translateWrite(error);
    }
  }

  async *sweep(before: number, { dryRun }: { dryRun: boolean }): AsyncIterable<string> {
    const shards = await namesIn(this.options.folder);
    const folders = shards.map((shard) => join(this.options.folder, shard));
    for (const folder of [...folders, this.options.temporaryFolder]) {
      for (const name of await namesIn(folder)) {
        const path = join(folder, name);
        const found = await ifThere(() => stat(path));
        if (found === undefined || !found.isFile() || found.mtimeMs >= before) continue;
        if (!dryRun) await unlinkIfThere(path);
        yield path;
      }
    }
  }

  async #open(line: LineName, flags: 'wx' | 'r+', claimedFrom?: LineName): Promise<UploadFile> {
    const path = this.#path(line);
    try {
      const handle = await this.#openFile(path, flags, line.session);
      if (flags === 'r+') await cutTo(handle, line.size);
      return new UploadFile(handle, line.size, {
        path,
        finishedPath: (size) => this.#path({ ...line, size, state: 'done' }),
        claimedPath: claimedFrom && this.#path(claimedFrom),
        session: line.session,
        token: line.writer,
        folder: this.#shard(line.session),
        options: this.options,
      });
    } catch (error) {
      throw translateWrite(error);
    }
  }

  async #openFile(path: string, flags: string, session: string): Promise<FileHandle> {
    const handle = await ifThere(() => open(path, flags, 0o644));
    if (handle !== undefined) return handle;
    await mkdir(this.#shard(session), { recursive: true });
    return open(path, flags, 0o644);
  }

  #newLine(session: string, size: number): LineName {
    return { session, size, state: 'open', writer: this.options.newId() };
  }

  async #lines(session: string): Promise<LineName[]> {
    const names = await namesIn(this.#shard(session));
    return names
      .filter((name) => name.startsWith(`${session}.`))
      .map(parseLineName)
      .filter((line) => line !== undefined);
  }

  async #isEnded(session: string): Promise<boolean> {
    const path = join(this.#shard(session), session + endedSuffix);
    return (await ifThere(() => stat(path))) !== undefined;
  }

  #path(line: LineName): string {
    return join(this.#shard(line.session), lineName(line));
  }

  #shard(session: string): string {
    return join(this.options.folder, session.slice(-2));
  }
}

/** A finished line before an unfinished one: its bytes need no copy. Then the longer. */
function isLonger(a: LineName, b: LineName): boolean {
  return a.state === b.state ? a.size > b.size : a.state === 'done';
}

/** A crash may have left bytes of a request that was never answered behind those that were finished. */
async function cutTo(handle: FileHandle, size: number): Promise<void> {
  const found = await handle.stat();
  if (found.size < size) {
    await handle.close();
    throw new Error(
      `an upload's file has ${found.size} bytes, fewer than the ${size} acknowledged`,
    );
  }
  if (found.size > size) await handle.truncate(size);
}
