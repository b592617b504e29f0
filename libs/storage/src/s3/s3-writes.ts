import { randomUUID } from 'node:crypto';

import {
  type CompleteMultipartUploadCommandInput,
  DeleteObjectsCommand,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3';

import { BrokenOff } from '../bucket/broken-off.js';
import {
  ConditionFailed,
  type ObjectBody,
  StorageRefused,
  type WriteCondition,
} from '../bucket/object-store.js';
import type { Attempt } from '../bucket/retries.js';
import { versionIn } from './s3-answer.js';
import { hashesOf, sending } from './s3-body.js';
import type { S3Calls } from './s3-calls.js';
import type { S3Config } from './s3-config.js';
import { codeOf, statusOf } from './s3-errors.js';
import { hashHeaders, withMd5 } from './s3-headers.js';
import { headObject } from './s3-heads.js';
import type { S3Names } from './s3-names.js';

/** Metadata of an object that was written under a condition: how its writer knows it again. */
export const writerName = 'holdfastwriter';
const writerHeader = `x-amz-meta-${writerName}`;

const mostInBatch = 1000;
const removalsAtOnce = 16;

/** What the configuration says of every object that is written. */
export type WrittenAs = Pick<
  PutObjectCommandInput,
  'ACL' | 'StorageClass' | 'ServerSideEncryption' | 'SSEKMSKeyId' | 'ContentType'
>;

/** Writing and removing whole objects. */
export class S3Writes {
  readonly writtenAs: WrittenAs;
  /** The same in headers. */
  readonly writtenHeaders: Readonly<Record<string, string>>;
  /** Whether the service knows conditions at all; undefined before `probe` has found out. */
  conditions: boolean | undefined;
  /** Whether the service has to be given an MD5, because it does not look at the hash in the signature. */
  sendsMd5 = false;
  #batches = true;

  constructor(
    readonly calls: S3Calls,
    readonly names: S3Names,
    config: S3Config,
  ) {
    this.writtenAs = writtenAs(config);
    this.writtenHeaders = headersOf(this.writtenAs);
  }

  placeOf(key: string) {
    return { Bucket: this.calls.bucket, Key: this.names.of(key) };
  }

  async put(key: string, body: ObjectBody, condition: WriteCondition): Promise<string> {
    const hashes = await hashesOf(body, this.sendsMd5);
    return this.write('PutObject', key, condition, async (attempt, conditions, metadata) =>
      sending(body, attempt, async (content) => {
        const headers = await this.calls.ask(
          {
            method: 'PUT',
            name: this.names.of(key),
            headers: {
              ...this.writtenHeaders,
              ...hashHeaders(hashes),
              ...conditionHeaders(conditions),
              ...(metadata[writerName] && { [writerHeader]: metadata[writerName] }),
              'content-length': String(body.size),
            },
            body: content,
          },
          attempt.signal,
        );
        return versionIn(headers);
      }),
    );
  }

  /**
   * Writes under a condition and, when the answer to an earlier attempt may have been lost, looks whether the object that
   * is in the way is our own.
   * @param writer as whom, where repeating it is the caller's
   */
  async write(
    operation: string,
    key: string,
    condition: WriteCondition,
    action: (
      attempt: Attempt,
      conditions: Conditions,
      metadata: Record<string, string>,
    ) => Promise<string>,
    writer?: string,
  ): Promise<string> {
    const name = writer ?? randomUUID();
    const metadata = condition === 'always' && writer === undefined ? {} : { [writerName]: name };
    return this.calls.run(operation, key, async (attempt) => {
      try {
        return await this.#underCondition(condition, (only) => action(attempt, only, metadata));
      } catch (error) {
        if (!isConflict(error, condition)) throw error;
        if (attempt.mayHaveHappened || writer !== undefined) {
          const own = await this.versionBy(key, name, attempt.signal);
          if (own !== undefined) return own;
        }
        if (codeOf(error) === 'NoSuchUpload') throw error;
        throw new ConditionFailed(key, attempt.mayHaveHappened);
      }
    });
  }

  /** The version of the object if this writer wrote it. */
  async versionBy(key: string, writer: string, signal: AbortSignal): Promise<string | undefined> {
    try {
      const headers = await headObject(this.calls, this.names.of(key), signal);
      return headers[writerHeader] === writer ? versionIn(headers) : undefined;
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  async remove(key: string, version?: string): Promise<void> {
    await this.calls.run('DeleteObject', key, async (attempt) => {
      const headers = conditionHeaders({ IfMatch: version });
      const request = { method: 'DELETE', name: this.names.of(key), headers } as const;
      try {
        await this.calls.ask(request, attempt.signal);
      } catch (error) {
        if (statusOf(error) === 404 && codeOf(error) !== 'NoSuchBucket') {
          // An earlier attempt may have removed it.
          if (version !== undefined && !attempt.mayHaveHappened) throw new ConditionFailed(key);
        } else if (statusOf(error) === 412) {
          throw new ConditionFailed(key, attempt.mayHaveHappened);
        } else throw error;
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
    const odd = keys.filter((key) => !fitsXml(key));
    const rest = keys.filter((key) => fitsXml(key));
    const left = rest.length > 1 && this.#batches ? await this.#tryBatch(rest) : rest;
    const waiting = [...left, ...odd];
    const removeNext = async () => {
      for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) await this.remove(key);
    };
    await Promise.all(Array.from({ length: Math.min(removalsAtOnce, waiting.length) }, removeNext));
  }

  /** Those that are still to be removed, one by one: not every service knows batches. */
  async #tryBatch(keys: readonly string[]): Promise<readonly string[]> {
    try {
      return await this.calls.run('DeleteObjects', `${keys.length} objects`, async ({ signal }) => {
        const objects = keys.map((key) => ({ Key: this.names.of(key) }));
        const command = new DeleteObjectsCommand({
          Bucket: this.calls.bucket,
          Delete: { Objects: objects, Quiet: true },
        });
        withMd5(command);
        const { Errors = [] } = await this.calls.client.send(command, { abortSignal: signal });
        return Errors.filter(({ Code }) => Code !== 'NoSuchKey').map(({ Key = '' }) =>
          this.names.keyOf(Key),
        );
      });
    } catch (error) {
      if (!(error instanceof StorageRefused)) throw error;
      this.#batches = false;
      return keys;
    }
  }

  /** A service that does not know the condition is asked without: who needs it asks `probe` first. */
  async #underCondition<T>(
    condition: WriteCondition,
    action: (conditions: Conditions) => Promise<T>,
  ): Promise<T> {
    if (condition === 'always' || this.conditions === false) return action({});
    try {
      return await action(
        condition === 'absent' ? { IfNoneMatch: '*' } : { IfMatch: condition.version },
      );
    } catch (error) {
      if (statusOf(error) !== 501 || this.conditions) throw error;
      this.conditions = false;
      return action({});
    }
  }
}

type Conditions = Pick<CompleteMultipartUploadCommandInput, 'IfMatch' | 'IfNoneMatch'>;

/** Whether it was refused for what is there. */
function isConflict(error: unknown, condition: WriteCondition): boolean {
  const code = codeOf(error);
  if (statusOf(error) === 412 || code === 'NoSuchUpload') return true;
  return typeof condition === 'object' && code === 'NoSuchKey';
}

function writtenAs({ encrypt, keyid, objectacl, storageclass }: S3Config): WrittenAs {
  return {
    ContentType: 'application/octet-stream',
    ...(objectacl !== 'private' && { ACL: objectacl }),
    ...(storageclass !== 'NONE' && storageclass !== 'STANDARD' && { StorageClass: storageclass }),
    ...(encrypt && { ServerSideEncryption: keyid === undefined ? 'AES256' : 'aws:kms' }),
    ...(encrypt && keyid !== undefined && { SSEKMSKeyId: keyid }),
  };
}

function headersOf(written: WrittenAs): Readonly<Record<string, string>> {
  const headers: Readonly<Record<string, string | undefined>> = {
    'content-type': written.ContentType,
    'x-amz-acl': written.ACL,
    'x-amz-storage-class': written.StorageClass,
    'x-amz-server-side-encryption': written.ServerSideEncryption,
    'x-amz-server-side-encryption-aws-kms-key-id': written.SSEKMSKeyId,
  };
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    ),
  );
}

function conditionHeaders({ IfMatch, IfNoneMatch }: Conditions): Record<string, string> {
  return {
    ...(IfMatch !== undefined && { 'if-match': IfMatch }),
    ...(IfNoneMatch !== undefined && { 'if-none-match': IfNoneMatch }),
  };
}

/** Keys that no XML can hold. */
function fitsXml(key: string): boolean {
  // oxlint-disable-next-line no-control-regex -- these are the ones
  return !/[\u0000-\u001f\ufffe\uffff]/.test(key);
}

export function versionOf({ ETag }: { readonly ETag?: string | undefined }): string {
  if (!ETag) throw new BrokenOff('an answer without a version');
  return ETag;
}
