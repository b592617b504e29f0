import type { Readable } from 'node:stream';

import { Agent, type Dispatcher, request } from 'undici';

import { StorageRefused } from '../bucket/object-store.js';
import type { Verdict } from '../bucket/retries.js';

export interface SwiftRequest {
  readonly method: Dispatcher.HttpMethod;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array> | undefined;
  readonly signal: AbortSignal;
  /** The answer is read as slowly as somebody else wants it, so that it takes no connection that others wait for. */
  readonly streamed?: boolean | undefined;
}

export interface SwiftAnswer {
  readonly status: number;
  header(name: string): string | undefined;
  /** To be read to the end, dumped or destroyed. */
  readonly body: Readable & { text(): Promise<string>; dump(): Promise<unknown> };
}

/** Does not read the rest of it. */
export function leave(answer: SwiftAnswer): void {
  answer.body.on('error', () => undefined).destroy();
}

/** An answer that its request cannot go on with. */
export class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer';
  constructor(
    readonly request: string,
    readonly status: number,
    /** The beginning of the body. */
    readonly text: string,
    /** Milliseconds. */
    readonly retryAfter?: number | undefined,
  ) {
    super(`Swift answers ${status} to ${request}${text === '' ? '' : `: ${text}`}`);
  }

  static async read(asked: string, answer: SwiftAnswer): Promise<UnexpectedAnswer> {
    const text = await answer.body.text().catch(() => '');
    const seconds = Number(answer.header('retry-after'));
    return new UnexpectedAnswer(
      asked,
      answer.status,
      plain(text),
      Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1000, longestWait) : undefined,
    );
  }
}

/** What arrived is not what was sent. */
export class DamagedOnTheWay extends Error {
  override readonly name = 'DamagedOnTheWay';
}

/** The token is good no more; a new one is fetched for the next attempt. */
export class TokenExpired extends Error {
  override readonly name = 'TokenExpired';
}

/** HTTP as Swift and Keystone speak it: connections that are kept, and nothing of retries. */
export class SwiftHttp {
  readonly #agent: Agent;
  readonly #streams: Agent;

  constructor(options: { readonly insecureSkipVerify: boolean; readonly stallTimeout: number }) {
    const settings = {
      connect: { rejectUnauthorized: !options.insecureSkipVerify, timeout: 10_000 },
      // An attempt has its own time to the first byte of the answer; from there on it must not stand still.
      headersTimeout: 0,
      bodyTimeout: options.stallTimeout,
    };
    this.#agent = new Agent({ ...settings, connections: mostConnections });
    this.#streams = new Agent(settings);
  }

  async send({ method, url, headers, body, signal, streamed }: SwiftRequest): Promise<SwiftAnswer> {
    const answer = await request(url, {
      dispatcher: streamed === true ? this.#streams : this.#agent,
      method,
      headers: { 'user-agent': 'holdfast', ...headers },
      body: body as never,
      signal,
    }).catch((error: unknown) => {
      throw refusedCertificate(error, url) ?? error;
    });
    return {
      status: answer.statusCode,
      header: (name) => [answer.headers[name]].flat()[0],
      body: answer.body,
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.#agent.destroy(), this.#streams.destroy()]);
  }
}

const mostConnections = 128;
/** Milliseconds that Swift may ask us to wait. */
const longestWait = 30_000;

const passingStatuses = new Set([408, 409, 413, 422, 429, 498, 499, 500, 502, 503, 504, 507]);
/** Swift said so before it did anything. */
const undone = new Set([408, 409, 413, 422, 429, 498, 507]);
const connectionErrors =
  /^(AbortError|TimeoutError|ECONN\w+|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOST\w+|ENET\w+|HPE_\w+|UND_ERR_(SOCKET|ABORTED|BODY_TIMEOUT|HEADERS_TIMEOUT|CONNECT_TIMEOUT|RES_CONTENT_LENGTH_MISMATCH|CLOSED|DESTROYED))$/;
const unreached = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** What to make of an attempt that failed: for `Retries`. */
export function judge(error: unknown): Verdict {
  if (error instanceof TokenExpired) {
    return { kind: 'passing', reason: error.message, mayHaveHappened: false };
  }
  if (error instanceof DamagedOnTheWay) {
    return { kind: 'passing', reason: error.message, mayHaveHappened: true };
  }
  if (error instanceof UnexpectedAnswer) {
    // A quota answers 413 too, and stays; who only asks too often is told when to come again.
    const full = error.status === 413 && error.retryAfter === undefined;
    if (full || !passingStatuses.has(error.status)) return { kind: 'final' };
    return {
      kind: 'passing',
      reason: error.status === 507 ? `${error.message}: it is full` : error.message,
      mayHaveHappened: !undone.has(error.status),
      retryAfter: error.retryAfter,
    };
  }
  const code = codeOf(error);
  if (code === undefined || !connectionErrors.test(code)) return { kind: 'final' };
  return {
    kind: 'passing',
    reason: `Swift cannot be reached: ${(error as Error).message}`,
    mayHaveHappened: !unreached.has(code),
  };
}

/** Errors of the certificate do not pass: they are said with the key that mends them. */
function refusedCertificate(error: unknown, url: string): StorageRefused | undefined {
  const code = codeOf(error);
  if (code === undefined || !/CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME|^ERR_TLS/.test(code))
    return undefined;
  return new StorageRefused(
    `the certificate of ${new URL(url).host} is not trusted (${code}): give Node its authority with NODE_EXTRA_CA_CERTS, or set storage.swift.insecureskipverify`,
    { cause: error },
  );
}

/** By what it has and not by its class: errors of Node's own may come from another realm. */
function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { name, code, cause }: { name?: unknown; code?: unknown; cause?: unknown } = error;
  if (name === 'AbortError' || name === 'TimeoutError') return name;
  if (typeof code === 'string' && /^[A-Z][A-Z_0-9]+$/.test(code)) return code;
  return codeOf(cause);
}

/** Error pages are HTML: a line of their text. */
function plain(text: string): string {
  return text
    .slice(0, 2000)
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, 200);
}
