import { BrokenOff } from '../bucket/broken-off.js';
import { ConditionFailed, ObjectNotFound } from '../bucket/object-store.js';
import type { Attempt, Retries } from '../bucket/retries.js';
import type { GcsAccount } from './gcs-account.js';
import { meaningOf } from './gcs-errors.js';
import type { GcsAnswer, GcsRequest } from './gcs-requests.js';

/** Asks the service, again if need be, and says in our words what it answered. Names are whole: with the root in front. */
export class GcsCalls {
  constructor(
    readonly account: GcsAccount,
    readonly bucket: string,
    private readonly retries: Retries,
  ) {}

  async run<T>(
    operation: string,
    key: string,
    action: (attempt: Attempt) => Promise<T>,
  ): Promise<T> {
    try {
      return await this.retries.run(`gcs ${operation}`, action);
    } catch (error) {
      if (error instanceof ObjectNotFound || error instanceof ConditionFailed) throw error;
      throw meaningOf(error, key, this.bucket);
    }
  }

  async json<T>(request: GcsRequest, attempt: Attempt): Promise<T> {
    const { content } = await this.account.requests.answer(request, attempt);
    return jsonOf<T>({ content });
  }

  /** The path of an object, or of what can be done with it. */
  pathOf(name: string, query: Query = {}, verb = ''): string {
    return `/storage/v1/b/${encodeURIComponent(this.bucket)}/o/${encodeURIComponent(name)}${verb}${queryOf(query)}`;
  }

  pathOfAll(query: Query): string {
    return `/storage/v1/b/${encodeURIComponent(this.bucket)}/o${queryOf(query)}`;
  }

  uploadPath(query: Query): string {
    return `/upload/storage/v1/b/${encodeURIComponent(this.bucket)}/o${queryOf(query)}`;
  }
}

export type Query = Readonly<Record<string, string | number | undefined>>;

function queryOf(query: Query): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return given.length === 0 ? '' : `?${given.join('&')}`;
}

function jsonOf<T>({ content }: Pick<GcsAnswer, 'content'>): T {
  try {
    return JSON.parse(content.toString()) as T;
  } catch (error) {
    throw new BrokenOff('an answer that is no JSON', { cause: error });
  }
}
