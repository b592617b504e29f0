import type { Scope } from './scope.js';

/** Who was let in, and thereby that the request was let in. */
export interface Grant {
  /** The account's name; empty for anonymous access. */
  readonly subject: string;
  /** Whether the same credentials allow something more, such as reading the repository that a blob is mounted from. */
  allows(scope: Scope): boolean;
}

/** Decides about requests. It knows header values, not HTTP requests. */
export abstract class AccessController {
  /**
   * @param authorization the value of the `Authorization` header, if the request had one
   * @param required all that the request needs; empty for the base endpoint `/v2/`
   * @param wished what the request can do without: a challenge asks for it too, its lack refuses nothing. Ask the grant
   * @throws {Unauthorized} with the challenge to answer with
   * @throws {TooManyRequests} when too many credentials wait to be checked; the same request may be let in later
   */
  abstract authorize(
    authorization: string | undefined,
    required: readonly Scope[],
    wished?: readonly Scope[],
  ): Promise<Grant>;
}
