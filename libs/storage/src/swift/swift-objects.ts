import { createHash, randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';

import {
  ConditionFailed,
  type ObjectBody,
  ObjectNotFound,
  type ObjectStream,
  StorageRefused,
  type StoredObject,
  type WriteCondition,
} from '../bucket/object-store.js';
import { SteadyStream } from '../bucket/steady-stream.js';
import { type ByteRange, ContentTooLarge } from '../storage-driver.js';
import type { Segment } from './manifest-segments.js';
import { answeredKind, answeredVersion, etagOf, unquoted } from './object-version.js';
import { SentBody } from './sent-body.js';
import type { SwiftAttempt, SwiftClient } from './swift-client.js';
import { DamagedOnTheWay, leave, type SwiftAnswer, UnexpectedAnswer } from './swift-http.js';
import type { SwiftNames } from './swift-names.js';

/** Who wrote an object, for one that must know its own success from another's. */
export const writerHeader = 'x-object-meta-holdfast-writer';

/** All copies are asked, and the newest one counts: what another replica has just written is read. */
const newest = { 'x-newest': 'true' };

/** Objects one by one, by their keys. */
export class SwiftObjects {
  constructor(
    private readonly client: SwiftClient,
    private readonly names: SwiftNames,
  ) {}

  async get(key: string, limit: number): Promise<{ content: Buffer; version: string }> {
    return surely(async () => this.#get(key, limit));
  }

  async #get(key: string, limit: number): Promise<{ content: Buffer; version: string }> {
    return this.client.run('get', async (attempt) => {
      const answer = await this.#open(attempt, this.names.ofKey(key), newest);
      const size = contentLength(answer);
      if (size > limit) {
        leave(answer);
        throw new ContentTooLarge(key, size, limit);
      }
      const chunks: Uint8Array[] = [];
      for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
        chunks.push(chunk);
        attempt.alive();
      }
      const content = Buffer.concat(chunks);
      const version = answeredVersion(answer);
      const plain = answeredKind(answer) === 'plain';
      if (content.length !== size || (plain && version !== md5(content))) {
        throw new DamagedOnTheWay(`other bytes of ${key} arrived than Swift has`);
      }
      return { content, version };
    });
  }

  async head(key: string): Promise<StoredObject> {
    return (await this.stat(key)).object;
  }

  async stat(
    key: string,
  ): Promise<{ readonly object: StoredObject; readonly answer: SwiftAnswer }> {
    return surely(async () => this.#stat(key));
  }

  async #stat(
    key: string,
  ): Promise<{ readonly object: StoredObject; readonly answer: SwiftAnswer }> {
    return this.client.run('head', async (attempt) => {
      const answer = await attempt.text({
        method: 'HEAD',
        path: this.names.path(this.names.ofKey(key)),
        headers: newest,
        expected: [404],
      });
      if (answer.status === 404) throw new ObjectNotFound(key);
      const object = {
        key,
        size: contentLength(answer),
        modifiedAt: Math.floor(Number(answer.header('x-timestamp')) * 1000),
        version: answeredVersion(answer),
      };
      return { object, answer };
    });
  }

  async read(key: string, range?: ByteRange, version?: string): Promise<ObjectStream> {
    const open = (start: number, end: number | undefined, match: string | undefined) =>
      this.client.run('read', (attempt) => {
        const headers = {
          ...(start === 0 && end === undefined ? {} : { range: `bytes=${start}-${end ?? ''}` }),
          ...(match === undefined ? {} : { 'if-match': etagOf(match) }),
        };
        return this.#open(attempt, this.names.ofKey(key), headers, true);
      });
    const start = range?.start ?? 0;
    const answer = await surely(async () => open(start, range?.end, version));
    const total = answer.header('content-range')?.split('/')[1];
    const size = total === undefined ? contentLength(answer) : Number(total);
    const end = Math.min(range?.end ?? Infinity, size - 1);
    const found = answeredVersion(answer);
    const stream = new SteadyStream(answer.body, {
      start,
      length: end + 1 - start,
      reopen: async (offset) => (await open(offset, end, found)).body,
    });
    return { size, stream };
  }

  async put(key: string, body: ObjectBody, condition: WriteCondition = 'always'): Promise<string> {
    if (typeof condition === 'object') await this.compare(key, condition.version);
    const writer = condition === 'absent' ? randomUUID() : undefined;
    const name = this.names.ofKey(key);
    return this.client.run('put', async (attempt) => {
      const etag = await this.#write(attempt, name, body, onlyWhereNothingIs(writer));
      if (etag !== undefined) return etag;
      const own = attempt.mayHaveHappened && (await this.writtenBy(key, writer));
      if (!own) throw new ConditionFailed(key);
      return own;
    });
  }

  /** @param name in the container @returns its MD5 */
  async write(name: string, body: ObjectBody): Promise<string> {
    return this.client.run('put', async (attempt) => {
      const etag = await this.#write(attempt, name, body, {});
      if (etag === undefined) throw new ConditionFailed(name);
      return etag;
    });
  }

  /** The bytes of one that is named by a manifest, or is going to be. @throws {ObjectNotFound} @throws {ConditionFailed} */
  async readName(name: string, { etag, range }: Segment): Promise<Readable> {
    return this.client.run('read', async (attempt) => {
      const answer = await this.#open(attempt, name, {
        'if-match': etagOf(etag),
        ...(range === undefined ? {} : { range: `bytes=${range}` }),
      });
      return answer.body;
    });
  }

  /**
   * A copy that Swift makes, if what it copies has this MD5.
   * @throws {ObjectNotFound} @throws {ConditionFailed}
   */
  async copy(
    from: string,
    to: string,
    { etag, size }: { etag: string; size: number },
  ): Promise<void> {
    await this.client.run('copy', async (attempt) => {
      using _ = attempt.patience((size / slowestCopy) * 1000);
      const answer = await attempt.text({
        method: 'PUT',
        path: this.names.path(to),
        headers: {
          'content-length': '0',
          'x-copy-from': this.names.path(from),
          'x-fresh-metadata': 'true',
          'if-match': etagOf(etag),
        },
        expected: [404, 412],
      });
      if (answer.status === 404) throw new ObjectNotFound(from);
      if (answer.status === 412) throw new ConditionFailed(from);
      checkWritten(answer, etag);
    });
  }

  /** The version of what this writer wrote, if it is what is there. */
  async writtenBy(key: string, writer: string | undefined): Promise<string | undefined> {
    try {
      const { answer, object } = await this.stat(key);
      return answer.header(writerHeader) === writer ? object.version : undefined;
    } catch (error) {
      if (error instanceof ObjectNotFound) return undefined;
      throw error;
    }
  }

  /** Between this look and what is done after it others may write: Swift has no condition on a version. */
  async compare(key: string, version: string): Promise<void> {
    const found = await this.head(key).catch((error: unknown) => {
      throw error instanceof ObjectNotFound ? new ConditionFailed(key) : error;
    });
    if (found.version !== version) throw new ConditionFailed(key);
  }

  noContainer(): StorageRefused {
    return new StorageRefused(
      `Swift has no container ${this.names.container} any more: make it again, or correct storage.swift.container`,
    );
  }

  async #write(
    attempt: SwiftAttempt,
    name: string,
    body: ObjectBody,
    headers: Record<string, string>,
  ): Promise<string | undefined> {
    const sent = await SentBody.of(body, () => attempt.alive());
    const answer = await attempt.text({
      method: 'PUT',
      path: this.names.path(name),
      headers: { ...sent.headers, ...headers },
      body: sent.payload,
      expected: [404, 412],
    });
    if (answer.status === 404) throw this.noContainer();
    if (answer.status === 412) return undefined;
    const digest = sent.digest();
    checkWritten(answer, digest);
    return digest;
  }

  async #open(
    attempt: SwiftAttempt,
    name: string,
    headers: Record<string, string>,
    streamed = false,
  ): Promise<SwiftAnswer> {
    const answer = await attempt.call({
      method: 'GET',
      path: this.names.path(name),
      headers,
      streamed,
      expected: [404, 412],
    });
    if (answer.status < 300) return answer;
    await answer.body.dump();
    const key = this.names.keyOf(name);
    throw answer.status === 404 ? new ObjectNotFound(key) : new ConditionFailed(key);
  }
}

export function onlyWhereNothingIs(writer: string | undefined): Record<string, string> {
  return writer === undefined ? {} : { 'if-none-match': '*', [writerHeader]: writer };
}

/** @throws {UnexpectedAnswer} @throws {DamagedOnTheWay} for another attempt */
export function checkWritten(answer: SwiftAnswer, etag: string): void {
  // Something newer is there: to have the last word it must be said again.
  if (answer.status === 202) throw new UnexpectedAnswer('PUT', 409, 'a newer object is there');
  if (unquoted(answer.header('etag') ?? '') !== etag) {
    throw new DamagedOnTheWay('Swift received other bytes than were sent');
  }
}

/** Bytes per second that a copy inside of Swift has at least. */
const slowestCopy = 2 * 1024 * 1024;

function contentLength(answer: SwiftAnswer): number {
  const size = Number(answer.header('content-length') ?? Number.NaN);
  if (Number.isSafeInteger(size)) return size;
  throw new DamagedOnTheWay('Swift did not say how large the object is');
}

function md5(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex');
}

/**
 * Asks twice for what is not there: for a moment while an object is replaced, its server finds the old file removed and has
 * not yet looked for the new one.
 */
async function surely<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof ObjectNotFound)) throw error;
    return ask();
  }
}
