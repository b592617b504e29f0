import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandOutput,
  UploadPartCommand,
} from '@aws-sdk/client-s3';

import { BrokenOff } from '../bucket/broken-off.js';
import {
  ConditionFailed,
  type DraftPiece,
  type ObjectBody,
  type ObjectDraft,
  ObjectNotFound,
} from '../bucket/object-store.js';
import { hashesOf, sending } from './s3-body.js';
import { codeOf } from './s3-errors.js';
import { withIntegrity } from './s3-headers.js';
import { isThere } from './s3-heads.js';
import { type S3Writes, versionOf, writerName } from './s3-writes.js';

/** Where drafts are begun; others who share the bucket keep theirs. */
const swept = ['docker/registry/v2/', 'holdfast/'];

/** Multipart uploads. */
export class S3Drafts {
  /** Of this process, as long as they are neither completed nor discarded, with the time they were begun. */
  readonly #open = new Map<string, { readonly draft: ObjectDraft; readonly at: number }>();

  constructor(private readonly writes: S3Writes) {}

  async begin(key: string, writer: string): Promise<ObjectDraft> {
    const id = await this.#calls.run('CreateMultipartUpload', key, async ({ signal }) => {
      const { UploadId } = await this.#calls.client.send(
        new CreateMultipartUploadCommand({
          ...this.writes.placeOf(key),
          ...this.writes.writtenAs,
          Metadata: { [writerName]: writer },
        }),
        { abortSignal: signal },
      );
      if (!UploadId) throw new BrokenOff('a multipart upload without a name');
      return UploadId;
    });
    const draft = { key, writer, id };
    this.#open.set(id, { draft, at: Date.now() });
    return draft;
  }

  async add(draft: ObjectDraft, number: number, body: ObjectBody): Promise<DraftPiece> {
    const hashes = await hashesOf(body, this.writes.sendsMd5);
    const token = await this.#calls.run('UploadPart', draft.key, async (attempt) =>
      sending(body, attempt, async (content) => {
        const command = new UploadPartCommand({
          ...this.#upload(draft),
          PartNumber: number,
          Body: content,
          ContentLength: body.size,
        });
        withIntegrity(command, hashes);
        return versionOf(await this.#calls.client.send(command, { abortSignal: attempt.signal }));
      }),
    );
    return { number, size: body.size, token };
  }

  async complete(
    draft: ObjectDraft,
    pieces: readonly DraftPiece[],
    condition: 'always' | 'absent',
  ): Promise<string> {
    const { key, writer } = draft;
    const Parts = pieces
      .toSorted((one, other) => one.number - other.number)
      .map(({ number, token }) => ({ PartNumber: number, ETag: token }));
    const complete = async (): Promise<string> =>
      this.writes.write(
        'CompleteMultipartUpload',
        key,
        condition,
        async (attempt, conditions) =>
          versionOf(
            await this.#calls.client.send(
              new CompleteMultipartUploadCommand({
                ...this.#upload(draft),
                ...conditions,
                MultipartUpload: { Parts },
              }),
              { abortSignal: attempt.signal },
            ),
          ),
        writer,
      );
    try {
      const version = await complete();
      this.#open.delete(draft.id);
      return version;
    } catch (error) {
      if (!isGone(error)) throw error;
      this.#open.delete(draft.id);
      throw (await this.#isThere(key)) && condition === 'absent'
        ? new ConditionFailed(key)
        : new ObjectNotFound(key);
    }
  }

  async discard(draft: ObjectDraft): Promise<void> {
    await this.#abort(draft);
    this.#open.delete(draft.id);
  }

  async *sweep(before: number, { dryRun }: { readonly dryRun: boolean }): AsyncIterable<string> {
    for (const { draft, at } of this.#open.values()) {
      // MinIO lists the uploads of a key only if it is asked for that very key.
      if (at >= before) continue;
      if (!dryRun) await this.discard(draft);
      yield draft.key;
    }
    for (const prefix of swept) {
      for await (const { draft, at } of this.#listed(prefix)) {
        if (at >= before) continue;
        if (!dryRun) await this.discard(draft);
        yield draft.key;
      }
    }
  }

  async *#listed(prefix: string): AsyncIterable<{ draft: ObjectDraft; at: number }> {
    let page: ListMultipartUploadsCommandOutput | undefined;
    do {
      const command = new ListMultipartUploadsCommand({
        Bucket: this.#calls.bucket,
        Prefix: this.writes.names.of(prefix),
        KeyMarker: page?.NextKeyMarker,
        UploadIdMarker: page?.NextUploadIdMarker,
      });
      page = await this.#calls.run('ListMultipartUploads', prefix, async ({ signal }) =>
        this.#calls.client.send(command, { abortSignal: signal }),
      );
      for (const { Initiated, Key, UploadId } of page.Uploads ?? []) {
        if (Key === undefined || UploadId === undefined || Initiated === undefined) continue;
        const draft = { key: this.writes.names.keyOf(Key), writer: '', id: UploadId };
        yield { draft, at: Initiated.getTime() };
      }
    } while (page.IsTruncated && page.NextKeyMarker);
  }

  async #abort(draft: ObjectDraft): Promise<void> {
    await this.#calls.run('AbortMultipartUpload', draft.key, async ({ signal }) => {
      try {
        await this.#calls.client.send(new AbortMultipartUploadCommand(this.#upload(draft)), {
          abortSignal: signal,
        });
      } catch (error) {
        if (codeOf(error) !== 'NoSuchUpload') throw error;
      }
    });
  }

  async #isThere(key: string): Promise<boolean> {
    return this.#calls.run('HeadObject', key, async ({ signal }) =>
      isThere(this.#calls, this.writes.names.of(key), signal),
    );
  }

  get #calls() {
    return this.writes.calls;
  }

  #upload({ key, id }: ObjectDraft) {
    return { ...this.writes.placeOf(key), UploadId: id };
  }
}

/** `NoSuchUpload` comes out of a call as a key that is not there. */
function isGone(error: unknown): boolean {
  return error instanceof ObjectNotFound;
}
