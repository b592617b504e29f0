import { ConditionFailed, ObjectNotFound } from '../bucket/object-store.js';
import type { Attempt, Retries, Verdict } from '../bucket/retries.js';
import { ContentTooLarge, StorageUnavailable } from '../storage-driver.js';
import type { S3Connection } from './s3-connection.js';
import { codeOf, judgeS3, meaningOf } from './s3-errors.js';

/** Asks the service, again if need be, and says in our words what it answered. */
export class S3Calls {
  readonly #retries: Retries;

  constructor(
    readonly connection: S3Connection,
    makeRetries: (judge: (error: unknown) => Verdict) => Retries,
  ) {
    this.#retries = makeRetries((error) => this.#judge(error));
  }

  get client() {
    return this.connection.client;
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
