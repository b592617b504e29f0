import type { Dispatcher } from 'undici';

import { StorageRefused } from '../bucket/object-store.js';
import { type Attempt, Retries, type RetryLimits } from '../bucket/retries.js';
import { StorageUnavailable } from '../storage-driver.js';
import type { SwiftConfig } from './swift-config.js';
import {
  judge,
  type SwiftAnswer,
  SwiftHttp,
  TokenExpired,
  UnexpectedAnswer,
} from './swift-http.js';
import { SwiftSession } from './swift-session.js';

export interface SwiftCall {
  readonly method: Dispatcher.HttpMethod;
  /** Percent-encoded, below the storage's address, with its slash: `/container/name`; empty for the account. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** Statuses besides 2xx that the caller looks at. */
  readonly expected?: readonly number[];
  /** As `SwiftRequest.streamed`. */
  readonly streamed?: boolean | undefined;
}

/** One attempt of an operation, in which calls are made with the token of this process. */
export interface SwiftAttempt extends Attempt {
  /** Waits at most this many milliseconds longer for an answer that takes its time. */
  patience(milliseconds: number): Disposable;
  /** @throws {UnexpectedAnswer} @throws {StorageRefused} */
  call(call: SwiftCall): Promise<SwiftAnswer>;
  /** As `call`, and reads the body, which is short or of no interest. */
  text(call: SwiftCall): Promise<SwiftAnswer & { readonly content: string }>;
}

/** Swift's API with a token, deadlines and retries. */
export class SwiftClient {
  readonly #http: SwiftHttp;
  readonly #session: SwiftSession;
  readonly #retries: Retries;

  constructor(
    private readonly config: SwiftConfig,
    limits: RetryLimits,
  ) {
    this.#http = new SwiftHttp({
      insecureSkipVerify: config.insecureskipverify,
      stallTimeout: limits.attemptTimeout,
    });
    this.#session = new SwiftSession(this.#http, config);
    this.#retries = new Retries(judge, limits);
  }

  /** The account's address. */
  async storageUrl(): Promise<string> {
    const login = await this.#retries.run('login', () => this.#session.current());
    return login.storageUrl;
  }

  /**
   * Repeats `action` while it fails for reasons that pass.
   * @throws {StorageUnavailable} @throws {StorageRefused} and what `action` throws
   */
  async run<T>(operation: string, action: (attempt: SwiftAttempt) => Promise<T>): Promise<T> {
    let refusals = 0;
    const act = async (attempt: Attempt) => {
      const call = (request: SwiftCall) =>
        this.#call(request, attempt.signal, () => ++refusals >= mostRefusals);
      return action({
        ...attempt,
        patience: (milliseconds) => patience(attempt, milliseconds),
        call,
        text: async (request) => {
          const answer = await call(request);
          return { ...answer, content: await answer.body.text() };
        },
      });
    };
    try {
      return await this.#retries.run(operation, act);
    } catch (error) {
      if (!(error instanceof UnexpectedAnswer)) throw error;
      throw new StorageUnavailable(error.message, { cause: error });
    }
  }

  /** Swift's own address, outside of the account, such as `/info`, without a token. */
  async about(path: string): Promise<string | undefined> {
    return this.#retries.run(path, async ({ signal }) => {
      const { storageUrl } = await this.#session.current();
      const url = new URL(storageUrl);
      url.pathname = url.pathname.replace(/(\/[^/]*){2}$/, path);
      const answer = await this.#http.send({ method: 'GET', url: url.href, signal });
      if (answer.status === 200) return answer.body.text();
      if (answer.status >= 500) throw await UnexpectedAnswer.read(`GET ${path}`, answer);
      await answer.body.dump();
      return undefined;
    });
  }

  async close(): Promise<void> {
    await this.#http.close();
  }

  async #call(
    { method, path, query, headers, body, streamed, expected = [] }: SwiftCall,
    signal: AbortSignal,
    refusedOften: () => boolean,
  ): Promise<SwiftAnswer> {
    const login = await this.#session.current();
    const parameters = query === undefined ? '' : `?${new URLSearchParams(query).toString()}`;
    const answer = await this.#http.send({
      method,
      url: `${login.storageUrl}${path}${parameters}`,
      headers: { 'x-auth-token': login.token, ...headers },
      body,
      signal,
      streamed,
    });
    if ((answer.status >= 200 && answer.status < 300) || expected.includes(answer.status))
      return answer;
    const problem = await UnexpectedAnswer.read(`${method} ${decodeURI(path)}`, answer);
    if (answer.status === 403) throw this.#forbidden(problem);
    if (answer.status !== 401) throw problem;
    this.#session.forget(login);
    if (refusedOften()) throw this.#forbidden(problem);
    throw new TokenExpired(`Swift does not take the token for ${method}`);
  }

  #forbidden(problem: UnexpectedAnswer): StorageRefused {
    return new StorageRefused(
      `Swift does not let ${this.config.username ?? 'this application credential'} do ${problem.request}: give the user a role or an ACL that writes to the container, or correct storage.swift.container, tenant or region`,
      { cause: problem },
    );
  }
}

/** Tokens in a row that Swift may refuse within one operation. */
const mostRefusals = 2;

function patience(attempt: Attempt, milliseconds: number): Disposable {
  const end = performance.now() + milliseconds;
  const timer = setInterval(() => {
    if (performance.now() < end) attempt.alive();
  }, 1000);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
