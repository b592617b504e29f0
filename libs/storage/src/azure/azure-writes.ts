import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';

import type { BlobRequestConditions, HttpRequestBody } from '@azure/storage-blob';

import { BrokenOff } from '../bucket/broken-off.js';
import { md5Of } from '../bucket/content-hash.js';
import {
  ConditionFailed,
  type ObjectBody,
  StorageRefused,
  type WriteCondition,
} from '../bucket/object-store.js';
import type { Attempt } from '../bucket/retries.js';
import { sideBySide } from '../bucket/side-by-side.js';
import { type AzureCalls, isOtherKind } from './azure-calls.js';
import { codeOf, isRestError } from './azure-errors.js';
import type { AzureNames } from './azure-names.js';

/** Metadata of a blob that was written under a condition: how its writer knows it again. */
const writerName = 'holdfastwriter';

export const contentType = 'application/octet-stream';
const mostInBatch = 256;
const removalsAtOnce = 16;

/** Writing and removing whole blobs. */
export class AzureWrites {
  constructor(
    readonly calls: AzureCalls,
    private readonly names: AzureNames,
  ) {}

  client(key: string) {
    return this.calls.account.container.getBlockBlobClient(this.names.of(key));
  }

  async put(key: string, body: ObjectBody, condition: WriteCondition): Promise<string> {
    const md5 = await md5Of(body);
    return this.write('Put Blob', key, condition, (attempt, conditions, metadata) =>
      withContent(body, async (content) =>
        versionIn(
          await this.client(key).upload(content, body.size, {
            abortSignal: attempt.signal,
            onProgress: () => attempt.alive(),
            conditions,
            transactionalContentMD5: md5,
            blobHTTPHeaders: { blobContentType: contentType },
            metadata,
          }),
        ),
      ),
    );
  }

  /**
   * Writes under a condition and, when the answer to an earlier attempt may have been lost, looks whether the blob that
   * is in the way is our own.
   * @param writer as whom, where repeating it is the caller's
   */
  async write(
    operation: string,
    key: string,
    condition: WriteCondition,
    action: (
      attempt: Attempt,
      conditions: BlobRequestConditions,
      metadata: Record<string, string>,
    ) => Promise<string>,
    writer?: string,
  ): Promise<string> {
    const name = writer ?? randomUUID();
    const metadata = condition === 'always' && writer === undefined ? {} : { [writerName]: name };
    let wanted = condition;
    return this.calls.run(operation, key, async (attempt) => {
      const write = (only: WriteCondition) => action(attempt, conditionsOf(only), metadata);
      // What was there is gone, also for the next attempt.
      const onRemoved = () => {
        if (wanted !== 'always') wanted = 'absent';
      };
      try {
        return await this.#overOtherKind(key, attempt, wanted, { write, onRemoved });
      } catch (error) {
        if (!mayBeOurs(error)) throw error;
        if (attempt.mayHaveHappened || writer !== undefined) {
          const own = await this.versionBy(key, name, attempt.signal);
          if (own !== undefined) return own;
        }
        throw isInTheWay(error) ? new ConditionFailed(key, attempt.mayHaveHappened) : error;
      }
    });
  }

  /** The version of the blob if this writer wrote it. */
  async versionBy(key: string, writer: string, signal: AbortSignal): Promise<string | undefined> {
    try {
      const properties = await this.client(key).getProperties({ abortSignal: signal });
      return properties.metadata?.[writerName] === writer ? versionIn(properties) : undefined;
    } catch (error) {
      if (codeOf(error) === 'BlobNotFound') return undefined;
      throw error;
    }
  }

  async remove(key: string, version?: string): Promise<void> {
    await this.calls.run('Delete Blob', key, async (attempt) => {
      try {
        await this.client(key).delete({
          abortSignal: attempt.signal,
          conditions: version === undefined ? {} : { ifMatch: version },
          deleteSnapshots: 'include',
        });
      } catch (error) {
        const gone =
          codeOf(error) === 'BlobNotFound' ||
          // Some say of a version of nothing that it is another one.
          (attempt.mayHaveHappened &&
            isRestError(error) &&
            error.statusCode === 412 &&
            !(await this.client(key).exists({ abortSignal: attempt.signal })));
        if (!gone) {
          throw isInTheWay(error) ? new ConditionFailed(key, attempt.mayHaveHappened) : error;
        }
        // An earlier attempt may have removed it.
        if (version !== undefined && !attempt.mayHaveHappened) throw new ConditionFailed(key);
      }
    });
  }

  async removeAll(keys: readonly string[]): Promise<void> {
    const batches = [];
    for (let start = 0; start < keys.length; start += mostInBatch) {
      batches.push(this.#removeBatch(keys.slice(start, start + mostInBatch)));
    }
    await Promise.all(batches);
  }

  async #removeBatch(keys: readonly string[]): Promise<void> {
    const [first] = keys;
    if (keys.length === 1 && first !== undefined) return this.remove(first);
    const left = await this.#tryBatch(keys);
    await sideBySide(left, removalsAtOnce, (key) => this.remove(key));
  }

  /** Those that are still to be removed, one by one: services in front of Azure's own do not all know batches. */
  async #tryBatch(keys: readonly string[]): Promise<readonly string[]> {
    // Signatures of a whole batch are not understood everywhere either.
    if (this.calls.account.identity.kind === 'signature') return keys;
    try {
      return await this.calls.run('Delete Blobs', `${keys.length} blobs`, async ({ signal }) => {
        const batch = this.calls.account.container.getBlobBatchClient();
        const { subResponses } = await batch.deleteBlobs(
          keys.map((key) => this.client(key)),
          { abortSignal: signal, deleteSnapshots: 'include' },
        );
        return keys.filter((_, index) => {
          const { status = 0 } = subResponses[index] ?? {};
          return status !== 202 && status !== 404;
        });
      });
    } catch (error) {
      if (error instanceof StorageRefused) return keys;
      throw error;
    }
  }

  /**
   * Blobs that Distribution appended to cannot be written over by blobs of blocks. They are removed first, each only as the
   * version that was seen; that can happen once to a blob.
   */
  async #overOtherKind(
    key: string,
    { signal }: Attempt,
    condition: WriteCondition,
    {
      write,
      onRemoved,
    }: { write: (condition: WriteCondition) => Promise<string>; onRemoved: () => void },
  ): Promise<string> {
    try {
      return await write(condition);
    } catch (error) {
      if (!isOtherKind(error)) throw error;
      if (condition === 'absent') throw new ConditionFailed(key);
    }
    try {
      const { etag = '' } = await this.client(key).getProperties({ abortSignal: signal });
      const ifMatch = condition === 'always' ? etag : versionOf(condition);
      await this.client(key).delete({
        abortSignal: signal,
        conditions: { ifMatch },
        deleteSnapshots: 'include',
      });
    } catch (error) {
      if (codeOf(error) !== 'BlobNotFound') throw error;
    }
    onRemoved();
    return write(condition === 'always' ? 'always' : 'absent');
  }
}

function versionOf(condition: WriteCondition): string {
  return typeof condition === 'object' ? condition.version : '';
}

function conditionsOf(condition: WriteCondition): BlobRequestConditions {
  if (condition === 'always') return {};
  return condition === 'absent' ? { ifNoneMatch: '*' } : { ifMatch: condition.version };
}

/** Whether it was refused for what is there. */
function mayBeOurs(error: unknown): boolean {
  if (error instanceof ConditionFailed) return true;
  return (
    isRestError(error) &&
    (error.statusCode === 412 || error.statusCode === 409 || codeOf(error) === 'InvalidBlockList')
  );
}

/** Other reasons why it is not written have the same status, a lease for one. */
function isInTheWay(error: unknown): boolean {
  if (!isRestError(error)) return false;
  const code = codeOf(error) ?? 'ConditionNotMet';
  return (
    ['ConditionNotMet', 'TargetConditionNotMet', 'BlobAlreadyExists'].includes(code) &&
    [409, 412].includes(error.statusCode ?? 0)
  );
}

/** Opens the bytes for one attempt, and closes them whatever became of it. */
export async function withContent<T>(
  body: ObjectBody,
  action: (content: HttpRequestBody) => Promise<T>,
): Promise<T> {
  const content = body.open();
  if (content instanceof Uint8Array) return action(content);
  try {
    return await action(() => content);
  } finally {
    content.destroy();
  }
}

export function versionIn({ etag }: { readonly etag?: string }): string {
  if (!etag) throw new BrokenOff('an answer without a version');
  return etag;
}

/** @throws {BrokenOff} if it is not as long as was said */
export async function readBody(
  stream: Readable,
  size: number,
  attempt: Attempt,
): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  const stop = () => stream.destroy(new BrokenOff('the storage stopped sending'));
  attempt.signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  } catch (error) {
    throw new BrokenOff('an answer that breaks off', { cause: error });
  } finally {
    attempt.signal.removeEventListener('abort', stop);
  }
  const content = Buffer.concat(chunks);
  if (content.length !== size) throw new BrokenOff('an answer that is too short');
  return content;
}
