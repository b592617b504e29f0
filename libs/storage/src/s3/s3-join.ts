import { randomUUID } from 'node:crypto';

import { CopyObjectCommand, UploadPartCopyCommand } from '@aws-sdk/client-s3';

import { BrokenOff } from '../bucket/broken-off.js';
import {
  ConditionFailed,
  type DraftPiece,
  type ObjectBody,
  type ObjectDraft,
  ObjectNotFound,
  type StoredObject,
  type StoreLimits,
} from '../bucket/object-store.js';
import type { Attempt } from '../bucket/retries.js';
import { largestPiece, type S3Config, smallestPiece } from './s3-config.js';
import type { S3Drafts } from './s3-drafts.js';
import { codeOf, statusOf } from './s3-errors.js';
import { type JoinedPiece, planJoin, type SourceRange } from './s3-join-plan.js';
import type { S3Reads } from './s3-reads.js';
import { type S3Writes, versionOf } from './s3-writes.js';

type Source = Omit<StoredObject, 'modifiedAt'>;

/** Ranges of one piece that are read at once, and such pieces in the whole process: each holds its bytes in memory. */
const readsAtOnce = 8;
const piecesReadAtOnce = 4;
/** The service answers when it has copied, which takes it longer than other calls: milliseconds, and how often. */
const copyPulse = 5_000;
const mostPulses = 60;

/** Objects one after the other, by copies inside the bucket. */
export class S3Join {
  #reading = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(
    private readonly writes: S3Writes,
    private readonly drafts: S3Drafts,
    private readonly reads: S3Reads,
    private readonly config: S3Config,
    private readonly limits: StoreLimits,
  ) {}

  async run(sources: readonly Source[], key: string): Promise<void> {
    const filled = sources.filter(({ size }) => size > 0);
    await Promise.all(
      sources.filter(({ size }) => size === 0).map((source) => this.#check(source)),
    );
    const [first] = filled;
    const threshold = Math.min(this.config.multipartcopythresholdsize, largestPiece);
    const small = Math.max(threshold, smallestPiece);
    if (first !== undefined && filled.length === 1 && first.size <= small) {
      await this.#copy(first, key);
      return;
    }
    const pieces = planJoin(filled, {
      copySize: this.config.multipartcopychunksize,
      mostPieces: this.limits.mostPieces,
      uniform: this.config.uniformparts ? this.limits.pieceSize : undefined,
    });
    const [only] = pieces;
    if (only === undefined) await this.writes.put(key, bodyOf(Buffer.alloc(0)), 'always');
    else if (pieces.length === 1 && !only.copied) {
      await this.#withBytes(only, async (body) => this.writes.put(key, body, 'always'));
    } else await this.#assemble(pieces, key);
  }

  /** One call, and nobody sees a part of it. */
  async #copy(source: Source, key: string): Promise<void> {
    await this.writes.calls.run('CopyObject', key, async (attempt) =>
      withTime(attempt, async () => {
        const answer = await this.writes.calls.client
          .send(
            new CopyObjectCommand({
              ...this.writes.placeOf(key),
              ...this.writes.writtenAs,
              ...this.#sourceOf(source),
              // The writer of the source is not that of the copy.
              MetadataDirective: 'REPLACE',
            }),
            { abortSignal: attempt.signal },
          )
          .catch((error: unknown) => {
            throw sourceError(error, source);
          });
        versionOf(answer.CopyObjectResult ?? {});
      }),
    );
  }

  async #assemble(pieces: readonly JoinedPiece<Source>[], key: string): Promise<void> {
    const draft = await this.drafts.begin(key, randomUUID());
    try {
      const added = await this.#addAll(pieces, draft);
      await this.drafts.complete(draft, added, 'always');
    } catch (error) {
      // It costs storage until somebody sweeps it; the error that is told is the first one.
      await this.drafts.discard(draft).catch(() => undefined);
      throw error;
    }
  }

  async #addAll(
    pieces: readonly JoinedPiece<Source>[],
    draft: ObjectDraft,
  ): Promise<readonly DraftPiece[]> {
    const added: DraftPiece[] = [];
    let next = 0;
    let failed = false;
    const addNext = async () => {
      for (let index = next++; index < pieces.length && !failed; index = next++) {
        try {
          added.push(await this.#add(pieces[index] as JoinedPiece<Source>, draft, index + 1));
        } catch (error) {
          failed = true;
          throw error;
        }
      }
    };
    const workers = Math.min(this.config.multipartcopymaxconcurrency, pieces.length);
    const ends = await Promise.allSettled(Array.from({ length: workers }, addNext));
    const bad = ends.find((end) => end.status === 'rejected');
    if (bad !== undefined) throw bad.reason;
    return added;
  }

  async #add(piece: JoinedPiece<Source>, draft: ObjectDraft, number: number): Promise<DraftPiece> {
    const [range] = piece.ranges;
    if (!piece.copied || range === undefined) {
      return this.#withBytes(piece, async (body) => this.drafts.add(draft, number, body));
    }
    const { source, start, end } = range;
    const token = await this.writes.calls.run('UploadPartCopy', draft.key, async (attempt) =>
      withTime(attempt, async () => {
        const answer = await this.writes.calls.client
          .send(
            new UploadPartCopyCommand({
              ...this.writes.placeOf(draft.key),
              ...this.#sourceOf(source),
              UploadId: draft.id,
              PartNumber: number,
              ...(piece.size < source.size && { CopySourceRange: `bytes=${start}-${end - 1}` }),
            }),
            { abortSignal: attempt.signal },
          )
          .catch((error: unknown) => {
            throw sourceError(error, source);
          });
        return versionOf(answer.CopyPartResult ?? {});
      }),
    );
    return { number, size: piece.size, token };
  }

  #sourceOf({ key, version }: Source) {
    const name = `${this.writes.calls.bucket}/${this.writes.names.of(key)}`;
    return {
      CopySource: name.split('/').map(encodeURIComponent).join('/'),
      CopySourceIfMatch: version,
    };
  }

  /** A source without bytes still has to be there. */
  async #check({ key, version }: Source): Promise<void> {
    if ((await this.reads.head(key)).version !== version) throw new ConditionFailed(key);
  }

  async #withBytes<T>(
    { ranges, size }: JoinedPiece<Source>,
    use: (body: ObjectBody) => Promise<T>,
  ): Promise<T> {
    if (this.#reading >= piecesReadAtOnce) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#reading++;
    try {
      const bytes = Buffer.allocUnsafeSlow(size);
      let next = 0;
      let offset = 0;
      const offsets = ranges.map(({ start, end }) => (offset += end - start) - (end - start));
      const readNext = async () => {
        for (let index = next++; index < ranges.length; index = next++) {
          await this.#read(ranges[index] as SourceRange<Source>, bytes, offsets[index] ?? 0);
        }
      };
      await Promise.all(Array.from({ length: Math.min(readsAtOnce, ranges.length) }, readNext));
      return await use(bodyOf(bytes));
    } finally {
      const waiting = this.#waiting.shift();
      if (waiting) waiting();
      else this.#reading--;
    }
  }

  async #read({ source, start, end }: SourceRange<Source>, into: Buffer, offset: number) {
    const range = end - start === source.size ? undefined : { start, end: end - 1 };
    await this.writes.calls.run('GetObject', source.key, async () => {
      const { stream } = await this.reads.read(source.key, range, source.version);
      let at = offset;
      for await (const chunk of stream as AsyncIterable<Buffer>) at += chunk.copy(into, at);
      // The version is the one that was asked for: its bytes were cut short on the way.
      if (at - offset !== end - start)
        throw new BrokenOff('an answer with fewer bytes than it has');
    });
  }
}

/** The service answers for the source as for the object itself. */
function sourceError(error: unknown, { key }: Source): unknown {
  const code = codeOf(error);
  if (code === 'NoSuchKey' || (statusOf(error) === 404 && code === 'NotFound')) {
    return new ObjectNotFound(key);
  }
  return statusOf(error) === 412 ? new ConditionFailed(key) : error;
}

async function withTime<T>(attempt: Attempt, action: () => Promise<T>): Promise<T> {
  let pulses = 0;
  const timer = setInterval(() => {
    if (++pulses <= mostPulses) attempt.alive();
  }, copyPulse);
  try {
    return await action();
  } finally {
    clearInterval(timer);
  }
}

function bodyOf(bytes: Buffer): ObjectBody {
  return { size: bytes.length, open: () => bytes };
}
