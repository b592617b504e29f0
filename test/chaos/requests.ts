import { type IncomingHttpHeaders, request } from 'node:http';

import type { Outcome } from './history.js';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** No whole answer came. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/** An answer that ended early, though its length said otherwise and its connection ended in peace. */
export class ShortAnswer extends Error {
  override readonly name = 'ShortAnswer';
}

const timeout = 20_000;

/** One request over a connection of its own, so that each goes to the next replica. Redirections are not followed. */
export function send(
  base: string,
  method: string,
  target: string,
  {
    headers = {},
    body,
  }: { readonly headers?: Readonly<Record<string, string>>; readonly body?: Buffer } = {},
): Promise<Answer> {
  const url = new URL(target, base);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { method, agent: false, headers: { ...headers }, signal: AbortSignal.timeout(timeout) },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', (cause) => reject(new NoAnswer('the answer broke off', { cause })));
        response.on('end', () => {
          const bytes = Buffer.concat(chunks);
          const { statusCode: status = 0, headers: answered } = response;
          const announced = answered['content-length'];
          if (method === 'GET' && announced !== undefined && Number(announced) !== bytes.length) {
            reject(new ShortAnswer(`${bytes.length} of ${announced} bytes`));
          } else resolve({ status, headers: answered, body: bytes });
        });
      },
    );
    outgoing.on('error', (cause) => reject(new NoAnswer(`no answer: ${cause.message}`, { cause })));
    if (body === undefined) outgoing.end();
    else outgoing.end(body);
  });
}

/** What an answer to a change says of it. */
export function outcomeOf({ status }: Answer): Outcome {
  if (status >= 200 && status < 300) return 'ok';
  // 429 and 4xx refuse; 5xx may come after the change was made.
  return status >= 500 ? 'unknown' : 'fail';
}

/** As {@link send}; undefined when no whole answer came. */
export async function attempt(
  base: string,
  method: string,
  target: string,
  message: { readonly headers?: Record<string, string>; readonly body?: Buffer } = {},
): Promise<Answer | undefined> {
  try {
    return await send(base, method, target, message);
  } catch (error) {
    if (error instanceof NoAnswer) return undefined;
    throw error;
  }
}

/** A push was answered with an error. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly outcome: Outcome;
  constructor(answer: Answer) {
    super(`${answer.status} ${answer.body.toString().slice(0, 300)}`);
    this.outcome = outcomeOf(answer);
  }
}
