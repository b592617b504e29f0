import { randomUUID } from 'node:crypto';

import type { BlobItem } from '@azure/storage-blob';

import { md5Of } from '../bucket/content-hash.js';
import {
  ConditionFailed,
  type DraftPiece,
  type ObjectBody,
  type ObjectDraft,
  ObjectNotFound,
  type StoreLimits,
} from '../bucket/object-store.js';
import { blockId, blockTime, draftId } from './azure-blocks.js';
import { type AzureCalls, isOtherKind } from './azure-calls.js';
import { codeOf } from './azure-errors.js';
import type { AzureNames } from './azure-names.js';
import { type AzureWrites, contentType, versionIn, withContent } from './azure-writes.js';

const MiB = 1024 * 1024;

export const limits: StoreLimits = {
  pieceSize: 8 * MiB,
  smallestPiece: 4 * MiB,
  mostPieces: 50_000,
  largestPiece: 4000 * MiB,
  largestObject: 50_000 * 4000 * MiB,
  smallestJoined: 0,
  // Who completes a blob throws away the blocks that others have staged for it.
  separateDrafts: false,
};

/** Below this, in the container, drafts are begun; elsewhere only blobs that are joined are staged. */
const swept = 'holdfast/';

/** Blocks of a blob that are staged, and then named by a list all at once. */
export class AzureDrafts {
  constructor(
    private readonly calls: AzureCalls,
    private readonly names: AzureNames,
    private readonly writes: AzureWrites,
  ) {}

  begin(key: string, writer: string): ObjectDraft {
    return { key, writer, id: draftId(writer, Date.now()) };
  }

  async add(draft: ObjectDraft, number: number, body: ObjectBody): Promise<DraftPiece> {
    const token = blockId(draft.id, number);
    const piece: DraftPiece = { number, size: body.size, token };
    // A block cannot be empty; a blob without any can.
    if (body.size === 0) return piece;
    const md5 = await md5Of(body);
    await this.calls.run('Put Block', draft.key, (attempt) =>
      withContent(body, async (content) => {
        try {
          await this.writes.client(draft.key).stageBlock(token, content, body.size, {
            abortSignal: attempt.signal,
            onProgress: () => attempt.alive(),
            transactionalContentMD5: md5,
          });
        } catch (error) {
          throw isOtherKind(error) ? new ConditionFailed(draft.key) : error;
        }
      }),
    );
    return piece;
  }

  async complete(
    draft: ObjectDraft,
    pieces: readonly DraftPiece[],
    condition: 'always' | 'absent',
  ): Promise<string> {
    const blocks = pieces.filter(({ size }) => size > 0).map(({ token }) => token);
    const { key, writer } = draft;
    try {
      return await this.#commit(key, blocks, condition, writer);
    } catch (error) {
      if (codeOf((error as Error).cause) !== 'InvalidBlockList') throw error;
      const there = await this.writes.calls.run('Get Blob Properties', key, ({ signal }) =>
        this.writes.client(key).exists({ abortSignal: signal }),
      );
      throw there && condition === 'absent' ? new ConditionFailed(key) : new ObjectNotFound(key);
    }
  }

  /** The service itself removes blocks a week after the last was staged. */
  async *sweep(before: number, { dryRun }: { readonly dryRun: boolean }): AsyncIterable<string> {
    let marker: string | undefined;
    do {
      const page = await this.#uncommitted(marker);
      for (const key of page.keys) {
        if (!(await this.#isAbandoned(key, before))) continue;
        if (!dryRun && !(await this.#throwAway(key))) continue;
        yield key;
      }
      ({ marker } = page);
    } while (marker);
  }

  async #uncommitted(marker: string | undefined) {
    const prefix = this.names.of(swept);
    return this.calls.run('List Blobs', prefix, async ({ signal }) => {
      const { value } = await this.calls.account.container
        .listBlobsFlat({ prefix, includeUncommitedBlobs: true, abortSignal: signal })
        .byPage({ maxPageSize: 5000, ...(marker && { continuationToken: marker }) })
        .next();
      const items = value.segment.blobItems as BlobItem[];
      return {
        // What was never completed has no content.
        keys: items
          .filter(({ properties }) => !properties.contentLength)
          .map(({ name }) => this.names.keyOf(name)),
        marker: value.continuationToken as string | undefined,
      };
    });
  }

  async #isAbandoned(key: string, before: number): Promise<boolean> {
    return this.calls.run('Get Block List', key, async ({ signal }) => {
      const client = this.writes.client(key);
      if (await client.exists({ abortSignal: signal })) return false;
      try {
        const { uncommittedBlocks = [] } = await client.getBlockList('uncommitted', {
          abortSignal: signal,
        });
        return uncommittedBlocks.some(({ name }) => (blockTime(name) ?? Infinity) < before);
      } catch (error) {
        if (codeOf(error) === 'BlobNotFound') return false;
        throw error;
      }
    });
  }

  /** Blocks go when a list of none is committed. The blob is there, empty, for a moment, and only if nobody has written it. */
  async #throwAway(key: string): Promise<boolean> {
    try {
      const version = await this.#commit(key, [], 'absent', randomUUID());
      await this.writes.remove(key, version);
      return true;
    } catch (error) {
      if (error instanceof ConditionFailed) return false;
      throw error;
    }
  }

  #commit(
    key: string,
    blocks: readonly string[],
    condition: 'always' | 'absent',
    writer: string,
  ): Promise<string> {
    return this.writes.write(
      'Put Block List',
      key,
      condition,
      async ({ signal }, conditions, metadata) =>
        versionIn(
          await this.writes.client(key).commitBlockList([...blocks], {
            abortSignal: signal,
            conditions,
            metadata,
            blobHTTPHeaders: { blobContentType: contentType },
          }),
        ),
      writer,
    );
  }
}
