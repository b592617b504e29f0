import type { FileHandle } from 'node:fs/promises';

import type { StoredFile } from '../storage-driver.js';
import { PartsClaimed, PartWriter, type UploadedParts } from '../upload-area.js';
import type { PendingFile } from './durable-files.js';
import { errnoOf, translateWrite } from './errno.js';
import { FileContent } from './file-content.js';
import { renameIfThere, unlinkIfThere } from './if-there.js';
import type { UploadFilesOptions } from './upload-files.js';

/** Bytes that may wait in memory before the writer is told to wait. */
const mostWaiting = 1024 * 1024;

/** Dirty bytes after which the disk is asked to begin, so that the sync at the end finds little left to do. */
const syncEvery = 32 * 1024 * 1024;

export interface UploadFilePlace {
  readonly session: string;
  readonly token: string;
  /** While it is written. */
  readonly path: string;
  /** What it was claimed from and goes back to; undefined for a new one. */
  readonly claimedPath: string | undefined;
  readonly finishedPath: (size: number) => string;
  readonly folder: string;
  readonly options: UploadFilesOptions;
}

/** One request's hold of an upload's file. Bytes go out in the order they came, several chunks in one call. */
export class UploadFile extends PartWriter {
  #size: number;
  #written: number;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #flushing: Promise<void> | undefined;
  #syncing: Promise<void> | undefined;
  #syncedAt: number;
  #failure: unknown;
  /** The file may be a blob by now: it is never written to, nor cut, again. Going on copies its finished bytes. */
  #named = false;

  constructor(
    private readonly handle: FileHandle,
    private readonly base: number,
    private readonly place: UploadFilePlace,
  ) {
    super();
    this.#size = base;
    this.#written = base;
    this.#syncedAt = base;
  }

  get size(): number {
    return this.#size;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure as Error);
    this.#size += chunk.length;
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
    this.#flushing ??= this.#flush();
    return this.#waitingBytes > mostWaiting
      ? this.#flushing.then(() => this.#throwFailure())
      : undefined;
  }

  async *read(): AsyncIterable<Uint8Array> {
    await this.#settle();
    const { fd } = this.handle;
    const content = new FileContent(fd, this.#size, { start: 0, end: this.#size - 1 }, 'borrowed');
    yield* content;
  }

  async finish(): Promise<UploadedParts> {
    const { place } = this;
    try {
      await this.#settle();
      place.options.onStep('sync part');
      if (this.#size > this.base) await this.handle.sync();
      place.options.onStep('finish part');
      const renamed = await renameIfThere(place.path, place.finishedPath(this.#size));
      if (!renamed) throw new PartsClaimed(place.session);
      await place.options.folders.sync(place.folder);
    } catch (error) {
      await this.abandon();
      throw translateWrite(error);
    }
    await this.handle.close();
    return { size: this.#size, token: place.token };
  }

  async commit(path: string, files: readonly StoredFile[]): Promise<void> {
    const { files: durable, resolve, onStep } = this.place.options;
    let pending: PendingFile[] = [];
    try {
      await this.#settle();
      onStep('sync data');
      const synced = this.handle.sync();
      const staged = await Promise.allSettled(
        files.map((file) => durable.stage({ path: resolve(file.path), content: file.content })),
      );
      pending = staged.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      await synced;
      const failure = staged.find((one) => one.status === 'rejected');
      if (failure) throw failure.reason;
      const changed = new Set<string>();
      this.#named = true;
      await durable.linkOver(this.place.path, resolve(path), changed);
      await durable.publish(pending, { alsoChanged: changed });
    } catch (error) {
      await durable.discard(pending);
      await this.abandon();
      if (errnoOf(error) === 'ENOENT') throw new PartsClaimed(this.place.session);
      throw translateWrite(error);
    }
    onStep('remove part');
    await unlinkIfThere(this.place.path);
    await this.handle.close();
  }

  async abandon(): Promise<void> {
    const { path, claimedPath } = this.place;
    await this.#flushing;
    await this.#syncing;
    try {
      if (claimedPath === undefined) {
        await unlinkIfThere(path);
      } else if (!this.#named) {
        await this.handle.truncate(this.base);
        await renameIfThere(path, claimedPath); // Not there: the session was ended meanwhile.
      }
    } finally {
      await this.handle.close();
    }
  }

  async #flush(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const chunks = this.#waiting;
        const bytes = this.#waitingBytes;
        this.#waiting = [];
        this.#waitingBytes = 0;
        await writeAll(this.handle, chunks, bytes, this.#written);
        this.#written += bytes;
        this.#startSync();
      }
    } catch (error) {
      this.#failure = translateWrite(error);
      this.#waiting = [];
      this.#waitingBytes = 0;
    } finally {
      this.#flushing = undefined;
    }
  }

  #startSync(): void {
    if (this.#syncing !== undefined || this.#written - this.#syncedAt < syncEvery) return;
    this.#syncedAt = this.#written;
    this.#syncing = this.handle.datasync().then(
      () => (this.#syncing = undefined),
      (error: unknown) => {
        // A failed fsync marks the pages clean: asking again would say that all is well.
        this.#failure ??= translateWrite(error);
      },
    );
  }

  /** Waits until all bytes are with the operating system. */
  async #settle(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
    await this.#syncing;
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

async function writeAll(
  handle: FileHandle,
  chunks: Uint8Array[],
  bytes: number,
  position: number,
): Promise<void> {
  const { bytesWritten } = await handle.writev(chunks, position);
  if (bytesWritten === bytes) return;
  const rest = Buffer.concat(chunks, bytes).subarray(bytesWritten);
  for (let done = 0; done < rest.length;) {
    const result = await handle.write(
      rest,
      done,
      rest.length - done,
      position + bytesWritten + done,
    );
    done += result.bytesWritten;
  }
}
