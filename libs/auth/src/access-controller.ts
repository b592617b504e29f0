export type RepositoryAction = 'pull' | 'push' | 'delete';

/** What a request wants to do. Its text form is the `scope` of a token: `repository:library/alpine:pull,push`. */
export interface Scope {
  readonly type: 'repository' | 'registry';
  readonly name: string;
  readonly actions: readonly (RepositoryAction | '*')[];
}

/** Who was let in, and thereby that the request was let in. */
export interface Grant {
  /** The account's name; empty for anonymous access. */
  readonly subject: string;
}

/** Decides about requests. It knows header values, not HTTP requests. */
export abstract class AccessController {
  /**
   * @param authorization the value of the `Authorization` header, if the request had one
   * @param scopes all that the request needs; empty for the base endpoint `/v2/`
   * @throws {Unauthorized} with the challenge to answer with
   */
  abstract authorize(authorization: string | undefined, scopes: readonly Scope[]): Promise<Grant>;
}
