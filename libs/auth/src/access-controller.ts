import type { Scope } from './scope.js';

/** What a request says about itself. */
export interface AccessRequest {
  /** The value of the `Authorization` header, if the request had one. */
  readonly authorization: string | undefined;
  /** All that the request needs; empty for the base endpoint `/v2/`. */
  readonly required: readonly Scope[];
  /** What the request can do without: a challenge asks for it too, its lack refuses nothing. Ask the grant. */
  readonly wished?: readonly Scope[];
  /**
   * Where it came from: the peer's address, then that of whom the peer spoke for if it is trusted to tell, and so on; the client's own is the
   * last. Whoever asks too much makes others from there wait, and nobody else.
   */
  readonly source?: () => readonly string[];
}

/** Who was let in, and thereby that the request was let in. */
export interface Grant {
  /** The account's name; empty for anonymous access. */
  readonly subject: string;
  /** Whether the same credentials allow something more, such as reading the repository that a blob is mounted from. */
  allows(scope: Scope): boolean;
}

/** A file that is read again when it changes. */
export interface FollowedFile {
  /** What is in it, for metrics. */
  readonly what: string;
  /** How often it changed to something that could not be used. */
  readonly failures: number;
}

/** Decides about requests. It knows what they say, not HTTP. */
export abstract class AccessController {
  /** Where the accounts are, if they are in a file. */
  readonly accounts?: FollowedFile | undefined;

  /**
   * @throws {Unauthorized} with the challenge to answer with
   * @throws {TooManyRequests} when too many credentials wait to be checked; the same request may be let in later
   */
  abstract authorize(request: AccessRequest): Promise<Grant>;
}
