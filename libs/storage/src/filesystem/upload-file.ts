import type { FileHandle } from 'node:fs/promises';

import type { StoredFile } from '../storage-driver.js';
import { PartWriter, type UploadedParts } from '../upload-area.js';
import type { PendingFile } from './durable-files.js';
import { errnoOf, translateWrite } from './errno.js';
import { FileAppender } from './file-appender.js';
import { FileContent } from './file-content.js';
import { isThere, renameIfThere, unlinkIfThere } from './if-there.js';
import type { UploadFilesOptions } from './upload-files-options.js';

export interface UploadFilePlace {
  readonly session: string;
  readonly token: string;
  /** While it is written. */
  readonly path: string;
  /** What it was claimed from and goes back to; undefined for a new line, or a copy. */
  readonly claimedPath: string | undefined;
  /** What it was copied from, and replaces once it is durable. */
  readonly copiedPath: string | undefined;
  readonly finishedPath: (size: number) => string;
  /** Why the file is not there any more. */
  readonly lost: () => Promise<Error>;
  readonly folder: string;
  readonly options: UploadFilesOptions;
}

/**
 * One request's hold of an upload's file. Bytes go out in the order they came, several chunks in one call.
 *
 * A file that has had another name for a moment may belong to another request, or be a blob, by now. So from the first
 * attempt to give it one it is never written to, nor cut, again.
 */
export class UploadFile extends PartWriter {
  readonly #appender: FileAppender;
  #ended = false;
  #reading: FileContent | undefined;

  constructor(
    private readonly handle: FileHandle,
    private readonly base: number,
    private readonly place: UploadFilePlace,
  ) {
    super();
    this.#appender = new FileAppender(handle, place.options.gathered, base);
  }

  get size(): number {
    return this.#appender.size;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#ended) return Promise.reject(new Error('this part of the upload has ended'));
    return this.#appender.append(chunk);
  }

  async *read(): AsyncIterable<Uint8Array> {
    await this.#appender.settle();
    const { fd } = this.handle;
    const content = new FileContent(fd, this.size, { start: 0, end: this.size - 1 }, 'borrowed');
    this.#reading = content;
    yield* content;
  }

  async finish(): Promise<UploadedParts> {
    const { path, options, finishedPath, folder } = this.place;
    try {
      await this.#appender.settle();
      await options.onStep('sync part');
      if (this.size > this.base || this.place.copiedPath !== undefined) await this.#appender.sync();
      await options.onStep('finish part');
      this.#ended = true;
      if (!(await renameIfThere(path, finishedPath(this.size)))) throw await this.place.lost();
      await options.onStep('sync finished part');
      await options.folders.sync(folder);
    } catch (error) {
      await this.#letGo();
      throw translateWrite(error);
    }
    await this.#removeSource();
    await this.#close();
    return { size: this.size, token: this.place.token };
  }

  async commit(path: string, files: readonly StoredFile[]): Promise<void> {
    const { files: durable, resolve, onStep } = this.place.options;
    let pending: PendingFile[] = [];
    try {
      await this.#appender.settle();
      await onStep('sync data');
      const staging = durable.stageAll(
        files.map((file) => ({ path: resolve(file.path), content: file.content })),
      );
      // Bytes that were finished before are durable.
      const isDurable = this.size === this.base && this.place.claimedPath !== undefined;
      const syncing = isDurable ? Promise.resolve() : this.#appender.sync();
      const [synced, staged] = await Promise.allSettled([syncing, staging]);
      if (staged.status === 'fulfilled') pending = staged.value;
      if (synced.status === 'rejected') throw synced.reason;
      if (staged.status === 'rejected') throw staged.reason;
      const alsoChanged = await durable.linkOver(this.place.path, resolve(path), () => {
        this.#ended = true;
      });
      await durable.publish(pending, { alsoChanged });
    } catch (error) {
      await durable.discard(pending);
      const lost = errnoOf(error) === 'ENOENT' && !(await isThere(this.place.path));
      await this.#letGo();
      throw lost ? await this.place.lost() : translateWrite(error);
    }
    await onStep('remove part');
    await unlinkIfThere(this.place.path).catch(() => undefined); // It is swept later.
    await this.#removeSource();
    await this.#close();
  }

  async abandon(): Promise<void> {
    const { path, claimedPath } = this.place;
    await this.#appender.halt();
    try {
      if (claimedPath === undefined) {
        await unlinkIfThere(path);
      } else if (!this.#ended && this.#appender.trusted) {
        this.#ended = true;
        await this.handle.truncate(this.base);
        await renameIfThere(path, claimedPath); // Not there: the session was ended meanwhile.
      }
    } catch (error) {
      throw translateWrite(error);
    } finally {
      await this.#close();
    }
  }

  /** After an error that is told already. */
  async #letGo(): Promise<void> {
    await this.abandon().catch(() => undefined);
  }

  async #removeSource(): Promise<void> {
    const { copiedPath } = this.place;
    if (copiedPath !== undefined) await unlinkIfThere(copiedPath).catch(() => undefined);
  }

  async #close(): Promise<void> {
    this.#ended = true;
    await this.#reading?.close();
    await this.handle.close();
  }
}
