import type { FileHandle } from 'node:fs/promises';

import { describe, expect, it } from '@jest/globals';

import { FileAppender, GatheredBytes } from './file-appender.js';

const KiB = 1024;
const chunkSize = 64 * KiB;

/** A file of a disk that stands still until it is told to go on. */
class StandingFile {
  written = 0;
  #goOn: () => void = () => {};
  #going = new Promise<void>((resolve) => (this.#goOn = resolve));

  readonly handle = {
    writev: async (chunks: readonly Uint8Array[]) => {
      const bytesWritten = chunks.reduce((sum, { length }) => sum + length, 0);
      await this.#going;
      this.written += bytesWritten;
      return { bytesWritten, buffers: chunks };
    },
  } as unknown as FileHandle;

  goOn(): void {
    this.#goOn();
  }
}

interface Upload {
  readonly file: StandingFile;
  readonly appender: FileAppender;
  room: Promise<void> | undefined;
}

function uploadsTo(gathered: GatheredBytes, count: number): Upload[] {
  return Array.from({ length: count }, () => {
    const file = new StandingFile();
    return { file, appender: new FileAppender(file.handle, gathered, 0), room: undefined };
  });
}

/** Chunks in turn, as many as each upload takes before it asks to wait. */
function appendUntilAsked(uploads: readonly Upload[], mostEach: number): number {
  let bytes = 0;
  for (let turn = 0; turn < mostEach; turn++) {
    for (const upload of uploads) {
      if (upload.room !== undefined) continue;
      bytes += chunkSize;
      upload.room = upload.appender.append(Buffer.alloc(chunkSize, turn));
    }
  }
  return bytes;
}

async function allRooms(uploads: readonly Upload[]): Promise<void> {
  for (const { room } of uploads) await room;
}

describe('FileAppender', () => {
  it('holds little in all uploads together while the disk stands still', () => {
    const gathered = new GatheredBytes();
    const uploads = uploadsTo(gathered, 500);
    const bytes = appendUntilAsked(uploads, 20);
    expect(uploads.filter(({ room }) => room === undefined)).toEqual([]);
    expect(bytes).toBe(gathered.total);
    // One chunk of each, and what may be gathered besides.
    expect(bytes).toBeLessThanOrEqual(500 * chunkSize + 16 * 1024 * KiB);
  });

  it('lets a lone upload gather while a batch is on its way', () => {
    const uploads = uploadsTo(new GatheredBytes(), 1);
    expect(appendUntilAsked(uploads, 100)).toBeGreaterThan(512 * KiB);
    expect(uploads[0]?.room).toBeDefined();
  });

  it('goes on when the disk does, and keeps every byte', async () => {
    const gathered = new GatheredBytes();
    const uploads = uploadsTo(gathered, 300);
    appendUntilAsked(uploads, 20);
    for (const { file } of uploads) file.goOn();
    await allRooms(uploads);
    for (const { appender, file } of uploads) {
      await appender.settle();
      expect(file.written).toBe(appender.size);
    }
    expect(gathered.total).toBe(0);
  });

  it('does not let what others left behind take the room of who still writes', async () => {
    const gathered = new GatheredBytes();
    const left = uploadsTo(gathered, 100);
    for (const { file } of left) file.goOn();
    // The first chunk goes out at once; what comes next waits for more, which never comes.
    for (const { appender } of left) await appender.append(Buffer.alloc(chunkSize));
    await Promise.all(left.map(({ appender }) => appender.settle()));
    appendUntilAsked(left, 7);
    await allRooms(left);
    const [upload] = uploadsTo(gathered, 1) as [Upload];
    upload.file.goOn();
    for (let turn = 0; turn < 64; turn++) await upload.appender.append(Buffer.alloc(chunkSize));
    await upload.appender.settle();
    expect(gathered.total).toBeLessThan(8 * 1024 * KiB);
  });

  it('gives back the room of an upload that is given up, and of one that failed', async () => {
    const gathered = new GatheredBytes();
    const [given, failing] = uploadsTo(gathered, 2) as [Upload, Upload];
    appendUntilAsked([given], 3);
    given.file.goOn();
    await given.appender.halt();
    expect(gathered.total).toBe(0);
    const handle = { writev: () => Promise.reject(new Error('EIO')) } as unknown as FileHandle;
    const appender = new FileAppender(handle, gathered, 0);
    await appender.append(Buffer.alloc(chunkSize));
    await expect(appender.settle()).rejects.toThrow('EIO');
    expect(gathered.total).toBe(0);
    expect(failing.appender.size).toBe(0);
  });
});
