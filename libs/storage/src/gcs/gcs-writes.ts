import { randomUUID } from 'node:crypto';

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
import { batchOfDeletions, mostInBatch, statusesIn } from './gcs-batch.js';
import type { GcsCalls } from './gcs-calls.js';
import { GcsError, isOfBucket, noBucket } from './gcs-errors.js';
import { contentType, type GcsObject, writerName } from './gcs-objects.js';
import type { GcsRequest } from './gcs-requests.js';

const removalsAtOnce = 16;

/** Writing and removing whole objects, by their names in the bucket. */
export class GcsWrites {
  constructor(readonly calls: GcsCalls) {}

  async put(
    name: string,
    body: ObjectBody,
    condition: WriteCondition,
    writer?: string,
  ): Promise<string> {
    const md5 = await md5Of(body);
    return this.write(
      'objects.insert',
      name,
      condition,
      async (attempt, match, metadata) => {
        const boundary = `object_${randomUUID()}`;
        const resource = { contentType, md5Hash: md5.toString('base64'), metadata };
        const head = Buffer.from(
          `--${boundary}\r\nContent-Type: application/json\r\n\r\n${JSON.stringify(resource)}\r\n` +
            `--${boundary}\r\nContent-Type: ${contentType}\r\n\r\n`,
        );
        const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
        const { generation } = await this.#insert(
          {
            method: 'POST',
            path: this.calls.uploadPath({
              uploadType: 'multipart',
              name,
              ifGenerationMatch: match,
              fields: 'generation',
            }),
            headers: { 'content-type': `multipart/related; boundary=${boundary}` },
            body: {
              size: head.length + body.size + tail.length,
              parts: [head, body.open(), tail],
            },
          },
          attempt,
        );
        return versionIn(generation);
      },
      writer,
    );
  }

  /**
   * Writes under a condition and, when the answer to an earlier attempt may have been lost, looks whether the object that
   * is in the way is our own.
   * @param writer as whom, where repeating it is the caller's
   */
  async write(
    operation: string,
    name: string,
    condition: WriteCondition,
    action: (
      attempt: Attempt,
      match: string | undefined,
      metadata: Readonly<Record<string, string>>,
    ) => Promise<string>,
    writer?: string,
  ): Promise<string> {
    const as = writer ?? randomUUID();
    const metadata = condition === 'always' && writer === undefined ? {} : { [writerName]: as };
    return this.calls.run(operation, name, async (attempt) => {
      try {
        return await action(attempt, generationOf(condition), metadata);
      } catch (error) {
        const inTheWay = error instanceof GcsError && [404, 412].includes(error.status);
        if (inTheWay && (attempt.mayHaveHappened || writer !== undefined)) {
          const own = await this.versionBy(name, as, attempt);
          if (own !== undefined) return own;
        }
        // Where a version is asked for, nothing is another version.
        if (inTheWay && (error.status === 412 || typeof condition === 'object')) {
          throw new ConditionFailed(name, attempt.mayHaveHappened);
        }
        throw error;
      }
    });
  }

  async #insert(request: GcsRequest, attempt: Attempt): Promise<GcsObject> {
    try {
      return await this.calls.json<GcsObject>(request, attempt);
    } catch (error) {
      // Nothing else can be missing here.
      const missing = error instanceof GcsError && error.status === 404;
      throw missing ? noBucket(this.calls.bucket, error) : error;
    }
  }

  /** The version of the object if this writer wrote it. */
  async versionBy(name: string, writer: string, attempt: Attempt): Promise<string | undefined> {
    try {
      const path = this.calls.pathOf(name, { fields: 'generation,metadata' });
      const { generation, metadata } = await this.calls.json<GcsObject>({ path }, attempt);
      return metadata?.[writerName] === writer ? versionIn(generation) : undefined;
    } catch (error) {
      if (error instanceof GcsError && error.status === 404) return undefined;
      throw error;
    }
  }

  async remove(name: string, version?: string): Promise<void> {
    await this.calls.run('objects.delete', name, async (attempt) => {
      try {
        const path = this.calls.pathOf(name, { ifGenerationMatch: version });
        await this.calls.account.requests.answer({ method: 'DELETE', path }, attempt);
      } catch (error) {
        if (!(error instanceof GcsError) || isOfBucket(error)) throw error;
        const gone =
          error.status === 404 ||
          // A version of nothing may be told to be another one.
          (attempt.mayHaveHappened && error.status === 412 && !(await this.#exists(name, attempt)));
        if (!gone && error.status === 412) {
          throw new ConditionFailed(name, attempt.mayHaveHappened);
        }
        if (!gone) throw error;
        // An earlier attempt may have removed it.
        if (version !== undefined && !attempt.mayHaveHappened) throw new ConditionFailed(name);
      }
    });
  }

  async #exists(name: string, attempt: Attempt): Promise<boolean> {
    try {
      await this.calls.json({ path: this.calls.pathOf(name, { fields: 'generation' }) }, attempt);
      return true;
    } catch (error) {
      if (error instanceof GcsError && error.status === 404) return false;
      throw error;
    }
  }

  async removeAll(names: readonly string[]): Promise<void> {
    const batches = [];
    for (let start = 0; start < names.length; start += mostInBatch) {
      batches.push(this.#removeBatch(names.slice(start, start + mostInBatch)));
    }
    await Promise.all(batches);
  }

  async #removeBatch(names: readonly string[]): Promise<void> {
    const [first] = names;
    if (names.length === 1 && first !== undefined) return this.remove(first);
    const left = await this.#tryBatch(names);
    await sideBySide(left, removalsAtOnce, (name) => this.remove(name));
  }

  /** Those that are still to be removed, one by one. */
  async #tryBatch(names: readonly string[]): Promise<readonly string[]> {
    try {
      return await this.calls.run('batch', `${names.length} objects`, async (attempt) => {
        const { contentType: type, bytes } = batchOfDeletions(
          names.map((name) => this.calls.pathOf(name)),
        );
        const { content } = await this.calls.account.requests.answer(
          {
            method: 'POST',
            path: '/batch/storage/v1',
            headers: { 'content-type': type },
            body: { size: bytes.length, parts: [bytes] },
          },
          attempt,
        );
        const statuses = statusesIn(content.toString('latin1'));
        return names.filter((_, index) => ![200, 204, 404].includes(statuses.get(index) ?? 0));
      });
    } catch (error) {
      if (error instanceof StorageRefused) return names;
      throw error;
    }
  }
}

function generationOf(condition: WriteCondition): string | undefined {
  if (condition === 'always') return undefined;
  return condition === 'absent' ? '0' : condition.version;
}

export function versionIn(generation: string | undefined): string {
  if (!generation) throw new BrokenOff('an answer without a generation');
  return generation;
}
