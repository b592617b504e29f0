import { createHash } from 'node:crypto';

import { BrokenOff } from '../bucket/broken-off.js';
import type { ObjectStream, StoredObject } from '../bucket/object-store.js';
import type { Attempt } from '../bucket/retries.js';
import { SteadyStream } from '../bucket/steady-stream.js';
import { type ByteRange, ContentTooLarge } from '../storage-driver.js';
import { type AnswerHeaders, versionIn } from './s3-answer.js';
import { readBody } from './s3-body.js';
import type { S3Calls } from './s3-calls.js';
import { emptyBehind } from './s3-errors.js';
import { headObject } from './s3-heads.js';
import type { S3Names } from './s3-names.js';

/** Reading whole objects, and parts of them. */
export class S3Reads {
  /** Whether versions of small objects are the MD5 of their bytes, as nearly all services have them. */
  #versionsAre: 'md5' | 'other' | 'unknown' = 'unknown';

  constructor(
    private readonly calls: S3Calls,
    private readonly names: S3Names,
    /** Milliseconds without a byte that are taken for a broken connection. */
    private readonly patience: number,
  ) {}

  async get(key: string, { limit }: { readonly limit: number }) {
    let doubted: Buffer | undefined;
    return this.calls.run('GetObject', key, async (attempt) => {
      const { body, size, version, encrypted } = await this.#open(key, attempt);
      if (size > limit) {
        body.destroy();
        throw new ContentTooLarge(key, size, limit);
      }
      const content = await readBody(body, size, attempt);
      const expected = encrypted || this.#versionsAre === 'other' ? undefined : md5In(version);
      if (expected === undefined) return { content, version };
      if (createHash('md5').update(content).digest('hex') === expected) {
        this.#versionsAre = 'md5';
      } else if (!doubted?.equals(content)) {
        doubted = content;
        throw new BrokenOff('an answer with other bytes than the storage meant to send');
      } else if (this.#versionsAre === 'unknown') {
        // The same bytes twice are those of a service whose versions are something else, or of one damaged object.
        this.#versionsAre = 'other';
      }
      return { content, version };
    });
  }

  async head(key: string): Promise<StoredObject> {
    return this.calls.run('HeadObject', key, async ({ signal }) => {
      const headers = await headObject(this.calls, this.names.of(key), signal);
      return {
        key,
        size: lengthIn(headers),
        modifiedAt: Date.parse(headers['last-modified'] ?? '') || 0,
        version: versionIn(headers),
      };
    });
  }

  async read(key: string, range?: ByteRange, version?: string): Promise<ObjectStream> {
    const open = (wanted: ByteRange | undefined, only: string | undefined) =>
      this.calls.run('GetObject', key, (attempt) => this.#open(key, attempt, wanted, only));
    const first = await open(range, version);
    const start = range?.start ?? 0;
    const end = Math.min(range?.end ?? Infinity, first.size - 1);
    const stream = new SteadyStream(first.body, {
      start,
      length: Math.max(0, end - start + 1),
      patience: this.patience,
      reopen: async (offset) => (await open({ start: offset, end }, first.version)).body,
    });
    return { size: first.size, stream };
  }

  async #open(key: string, { signal }: Attempt, range?: ByteRange, version?: string) {
    const request = {
      method: 'GET',
      name: this.names.of(key),
      headers: {
        ...(range && { range: `bytes=${range.start}-${range.end}` }),
        ...(version !== undefined && { 'if-match': version }),
      },
    } as const;
    const { body, headers } = await this.calls
      .send(request, signal)
      .catch((error: unknown) => emptyBehind(error));
    try {
      const total = sizeIn(headers['content-range']) ?? lengthIn(headers);
      const partial = range !== undefined && headers['content-range'] === undefined;
      if (partial && (range.start > 0 || range.end < total - 1)) {
        throw new BrokenOff('an answer with other bytes than were asked for');
      }
      const encryption = headers['x-amz-server-side-encryption'];
      return {
        body,
        size: total,
        version: versionIn(headers),
        encrypted: encryption?.startsWith('aws:') ?? false,
      };
    } catch (error) {
      body.destroy();
      throw error;
    }
  }
}

/** Of the whole object. */
function sizeIn(range: string | undefined): number | undefined {
  const size = Number(range?.split('/')[1]);
  return Number.isSafeInteger(size) ? size : undefined;
}

function lengthIn(headers: AnswerHeaders): number {
  const length = Number(headers['content-length'] ?? '-');
  if (!Number.isSafeInteger(length)) throw new BrokenOff('an answer without a length');
  return length;
}

/** Versions of objects that were written in pieces have a dash. */
function md5In(version: string): string | undefined {
  return /^"?([\da-f]{32})"?$/.exec(version)?.[1];
}
