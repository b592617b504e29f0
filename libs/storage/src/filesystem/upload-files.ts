import { existsSync } from 'node:fs';
import { constants, copyFile, type FileHandle, mkdir, open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import {
  type ClaimPurpose,
  PartsClaimed,
  SessionEnded,
  UploadArea,
  type UploadedParts,
} from '../upload-area.js';
import { errnoOf, rootGone, translateWrite } from './errno.js';
import { ifThere, isThere, namesIn, renameIfThere, unlinkIfThere } from './if-there.js';
import { type LineName, parseLineName, lineName } from './line-name.js';
import { UploadFile } from './upload-file.js';
import type { UploadFilesOptions } from './upload-files-options.js';

/** What a line begins with: nothing, the file that was claimed, or a copy. */
interface Origin {
  readonly claimed?: LineName;
  readonly copied?: LineName;
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

  async claim(
    session: string,
    parts: UploadedParts | undefined,
    { newborn = false }: ClaimPurpose = {},
  ): Promise<UploadFile> {
    if (parts === undefined && !newborn) await this.#requireNew(session);
    const line = this.#newLine(session, parts?.size ?? 0);
    if (parts === undefined) return this.#open(line, 'wx', {});
    const finished = { session, size: parts.size, state: 'done', writer: parts.token } as const;
    await this.options.onStep('claim part');
    const taken = await this.#rename(finished, line);
    if (!taken) throw await this.#lost(session);
    return this.#open(line, 'r+', { claimed: finished });
  }

  async recover(session: string, parts: UploadedParts): Promise<UploadFile> {
    if (parts.size === 0) return this.claim(session, undefined, { newborn: true });
    const source = (await this.#lines(session)).find(({ writer }) => writer === parts.token);
    if (source === undefined) throw await this.#lost(session);
    const line = this.#newLine(session, parts.size);
    await this.options.onStep('copy part');
    const copied = await ifThere(async () => {
      await copyStart(this.#path(source), this.#path(line), line.size);
      return true;
    }).catch(async (error: unknown) => {
      await this.#forget(line);
      throw translateWrite(error);
    });
    if (copied === undefined) throw await this.#lost(session);
    return this.#open(line, 'r+', { copied: source });
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
      await this.options.onStep('end session');
      await (await this.#openFile(this.#endedPath(session), 'w', session)).close();
      // Whoever takes a line looks for the mark afterwards, so none is added for long.
      for (let lines = await this.#lines(session); lines.length > 0;) {
        for (const line of lines) await unlinkIfThere(this.#path(line));
        lines = await this.#lines(session);
      }
      await this.options.onStep('sync ended session');
      await this.options.folders.sync(folder);
    } catch (error) {
      throw translateWrite(error);
    }
  }

  async #requireNew(session: string): Promise<void> {
    const found = await this.find(session);
    if (found !== undefined && !found.claimed && found.parts.size > 0) {
      throw new PartsClaimed(session);
    }
  }

  async *sweep(before: number, { dryRun }: { dryRun: boolean }): AsyncIterable<string> {
    const shards = await namesIn(this.options.folder);
    const folders = shards.map((shard) => join(this.options.folder, shard));
    for (const folder of [...folders, this.options.temporaryFolder]) {
      for (const name of await namesIn(folder)) {
        const path = join(folder, name);
        const found = await ifThere(() => stat(path));
        // Being claimed, and so renamed, changes the ctime only.
        if (found === undefined || found.ctimeMs >= before || found.mtimeMs >= before) continue;
        if (!dryRun) await rm(path, { recursive: true, force: true });
        yield path;
      }
    }
  }

  async #open(line: LineName, flags: 'wx' | 'r+', origin: Origin): Promise<UploadFile> {
    const path = this.#path(line);
    await this.options.onStep('open part');
    let handle: FileHandle | undefined;
    try {
      handle = await this.#openFile(path, flags, line.session);
      if (await this.#isEnded(line.session)) {
        await unlinkIfThere(path);
        throw new SessionEnded(line.session);
      }
      if (flags === 'r+') await cutTo(handle, line.size);
      return new UploadFile(handle, line.size, {
        path,
        finishedPath: (size) => this.#path({ ...line, size, state: 'done' }),
        claimedPath: origin.claimed && this.#path(origin.claimed),
        copiedPath: origin.copied && this.#path(origin.copied),
        lost: () => this.#lost(line.session),
        session: line.session,
        token: line.writer,
        folder: this.#shard(line.session),
        options: this.options,
      });
    } catch (error) {
      await handle?.close();
      if (origin.claimed) await this.#rename(line, origin.claimed).catch(() => undefined);
      else await this.#forget(line);
      throw errnoOf(error) === 'ENOENT' ? await this.#lost(line.session) : translateWrite(error);
    }
  }

  async #openFile(path: string, flags: string, session: string): Promise<FileHandle> {
    const handle = await ifThere(() => open(path, flags, 0o644));
    if (handle !== undefined) return handle;
    if (flags === 'r+') throw await this.#lost(session);
    try {
      await mkdir(this.#shard(session));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') throw rootGone(error);
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
    await this.options.folders.sync(this.options.folder);
    return open(path, flags, 0o644);
  }

  #newLine(session: string, size: number): LineName {
    return { session, size, state: 'open', writer: this.options.newId() };
  }

  async #rename(from: LineName, to: LineName): Promise<boolean> {
    try {
      return await renameIfThere(this.#path(from), this.#path(to));
    } catch (error) {
      throw translateWrite(error);
    }
  }

  async #forget(line: LineName): Promise<void> {
    await unlinkIfThere(this.#path(line)).catch(() => undefined);
  }

  /** Why a line is not there. */
  async #lost(session: string): Promise<Error> {
    if (await this.#isEnded(session)) return new SessionEnded(session);
    return (await isThere(this.options.folder)) ? new PartsClaimed(session) : rootGone();
  }

  async #lines(session: string): Promise<LineName[]> {
    const names = await namesIn(this.#shard(session));
    return names
      .filter((name) => name.startsWith(`${session}.`))
      .map(parseLineName)
      .filter((line) => line !== undefined);
  }

  async #isEnded(session: string): Promise<boolean> {
    const path = this.#endedPath(session);
    return this.options.local ? existsSync(path) : isThere(path);
  }

  #endedPath(session: string): string {
    return join(this.#shard(session), session + endedSuffix);
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

const copiedAtOnce = 1024 * 1024;

/**
 * A clone where the file system has them; else the first bytes, one after the other. Not all that `copyFile` finds: where
 * the file gets shorter meanwhile, as that of a writer who gives up does, libuv goes on for ever.
 */
async function copyStart(from: string, to: string, size: number): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE);
    return;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') throw error;
  }
  const source = await open(from, 'r');
  try {
    const target = await open(to, 'w', 0o644);
    try {
      const space = Buffer.allocUnsafe(Math.min(copiedAtOnce, size));
      for (let at = 0; at < size;) {
        const { bytesRead } = await source.read(space, 0, Math.min(space.length, size - at), at);
        if (bytesRead === 0) break;
        await target.writeFile(space.subarray(0, bytesRead));
        at += bytesRead;
      }
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

/** A copy may have brought bytes of the request that was never answered, behind those that were finished. */
async function cutTo(handle: FileHandle, size: number): Promise<void> {
  const found = await handle.stat();
  if (found.size < size) {
    throw new Error(
      `an upload's file has ${found.size} bytes, fewer than the ${size} acknowledged`,
    );
  }
  if (found.size > size) await handle.truncate(size);
}
