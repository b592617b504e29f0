import { once } from 'node:events';
import {
  Agent as HttpAgent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';

import { BrokenOff } from '../bucket/broken-off.js';
import type { Attempt } from '../bucket/retries.js';
import { GcsError } from './gcs-errors.js';

export interface GcsRequest {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  /** Behind the address of the service, query included. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: GcsBody;
}

interface GcsBody {
  readonly size: number;
  /** One after the other. */
  readonly parts: readonly (Uint8Array | Readable)[];
}

export interface GcsAnswer {
  readonly headers: IncomingHttpHeaders;
  readonly content: Buffer;
}

const slice = 256 * 1024;
/** A page of a list has less than a tenth of it. */
const largestAnswer = 32 * 1024 * 1024;

/** Requests to the service over connections that are kept. Each ends when its attempt does, whatever it was waiting for. */
export class GcsRequests {
  readonly #agent: HttpAgent;
  readonly #secure: boolean;

  constructor(
    private readonly endpoint: string,
    private readonly userAgent: string,
    /** The headers that say who we are. The signal ends somebody's wait for them, and need not end the call. */
    private readonly authorize: (signal: AbortSignal) => Promise<Readonly<Record<string, string>>>,
  ) {
    this.#secure = endpoint.startsWith('https:');
    this.#agent = this.#secure
      ? new HttpsAgent({ keepAlive: true })
      : new HttpAgent({ keepAlive: true });
  }

  /** A whole answer. @throws {GcsError} */
  async answer(request: GcsRequest, attempt: Attempt, limit = largestAnswer): Promise<GcsAnswer> {
    const response = await this.open(request, attempt);
    return { headers: response.headers, content: await contentOf(response, limit) };
  }

  /** An answer whose body is still on its way. @throws {GcsError} */
  async open(request: GcsRequest, attempt: Attempt): Promise<IncomingMessage> {
    const identity = await this.authorize(attempt.signal);
    attempt.signal.throwIfAborted();
    const sent = this.#send(request, identity, attempt);
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      sent.once('response', resolve);
      sent.once('error', reject);
    });
    let sending = true;
    const writing = write(sent, request.body, attempt).then(
      () => (sending = false),
      // Shown by the answer that does not come.
      () => undefined,
    );
    const response = await answered;
    // An error that comes before all was sent: the rest is not wanted.
    if (sending) response.once('close', () => sent.destroy());
    else await writing;
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    throw errorOf(status, response.headers, await contentOf(response, largestAnswer));
  }

  close(): void {
    this.#agent.destroy();
  }

  #send(
    { method = 'GET', path, headers, body }: GcsRequest,
    identity: Readonly<Record<string, string>>,
    attempt: Attempt,
  ): ClientRequest {
    const request = (this.#secure ? httpsRequest : httpRequest)(this.endpoint + path, {
      method,
      agent: this.#agent,
      headers: {
        'user-agent': this.userAgent,
        ...((body !== undefined || method === 'POST') && { 'content-length': body?.size ?? 0 }),
        ...identity,
        ...headers,
      },
    });
    const stop = () => request.destroy(new BrokenOff('the storage did not answer in time'));
    attempt.signal.addEventListener('abort', stop, { once: true });
    request.once('close', () => attempt.signal.removeEventListener('abort', stop));
    return request;
  }
}

async function write(
  request: ClientRequest,
  body: GcsBody | undefined,
  attempt: Attempt,
): Promise<void> {
  const over = new AbortController();
  request.once('close', () => over.abort());
  try {
    for (const part of body?.parts ?? []) {
      for await (const chunk of part instanceof Uint8Array ? slicesOf(part) : part) {
        if (!request.write(chunk)) await once(request, 'drain', { signal: over.signal });
        attempt.alive();
      }
    }
    request.end();
  } catch (error) {
    request.destroy(error instanceof Error ? error : undefined);
    throw error;
  } finally {
    for (const part of body?.parts ?? []) if (!(part instanceof Uint8Array)) part.destroy();
  }
}

function* slicesOf(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let start = 0; start < bytes.length; start += slice) {
    yield bytes.subarray(start, start + slice);
  }
}

async function contentOf(response: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) throw new BrokenOff('an answer that is too long');
      chunks.push(chunk);
    }
  } catch (error) {
    throw new BrokenOff('an answer that breaks off', { cause: error });
  }
  if (!response.complete) throw new BrokenOff('an answer that breaks off');
  return Buffer.concat(chunks);
}

function errorOf(status: number, headers: IncomingHttpHeaders, content: Buffer): GcsError {
  const seconds = Number(headers['retry-after']);
  const retryAfter = seconds > 0 ? Math.min(seconds * 1000, 30_000) : undefined;
  const text = content.subarray(0, 4096).toString();
  try {
    const { error } = JSON.parse(text) as {
      error?: { message?: string; errors?: { reason?: string }[] };
    };
    const reason = error?.errors?.[0]?.reason ?? '';
    return new GcsError(status, reason, error?.message ?? '', retryAfter);
  } catch {
    return new GcsError(status, '', text, retryAfter);
  }
}
