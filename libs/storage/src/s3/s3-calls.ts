import { ConditionFailed, ObjectNotFound } from '../bucket/object-store.js';
import type { Attempt, Retries, Verdict } from '../bucket/retries.js';
import { ContentTooLarge, StorageUnavailable } from '../storage-driver.js';
import type { AnswerHeaders } from './s3-answer.js';
import type { S3Connection } from './s3-connection.js';
import { codeOf, judgeS3, meaningOf } from './s3-errors.js';
import { S3Wire, type WireAnswer, type WireRequest } from './s3-wire.js';

/** Asks the service, again if need be, and says in our words what it answered. */
export class S3Calls {
  readonly #retries: Retries;
  readonly #wire: S3Wire;

  constructor(
    readonly connection: S3Connection,
    makeRetries: (judge: (error: unknown) => Verdict) => Retries,
  ) {
    this.#wire = new S3Wire(connection.bucket);
    this.#retries = makeRetries((error) => this.#judge(error));
  }

  get client() {
    return this.connection.client;
  }

  /** One attempt of one of the calls that there are many of. */
  async send(request: WireRequest, signal: AbortSignal): Promise<WireAnswer> {
    return this.#wire.send(this.client, request, signal);
  }

  /** The same, for answers that have nothing to read. */
  async ask(request: WireRequest, signal: AbortSignal): Promise<AnswerHeaders> {
    const { headers, body } = await this.send(request, signal);
    body.resume();
    return headers;
  }

  get bucket(): string {
    return this.connection.bucket;
  }

  async run<T>(
    operation: string,
    key: string,
    action: (attempt: Attempt) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.#retries.run(`s3 ${operation}`, action);
    } catch (error) {
      if (isOurs(error)) throw error;
      throw meaningOf(error, key, this.bucket);
    }
  }

  #judge(error: unknown): Verdict {
    const expired = ['ExpiredToken', 'ExpiredTokenException', 'TokenRefreshRequired'];
    if (expired.includes(codeOf(error) ?? '') && this.connection.renew()) {
      return { kind: 'passing', reason: 'expired credentials', mayHaveHappened: false };
    }
    return judgeS3(error);
  }
}

function isOurs(error: unknown): boolean {
  return (
    error instanceof StorageUnavailable ||
    error instanceof ObjectNotFound ||
    error instanceof ConditionFailed ||
    error instanceof ContentTooLarge
  );
}
