import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  request as openRequest,
  type ServerResponse,
} from 'node:http';
import type { Readable, Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Between two neighbours only (RFC 9110, 7.6.1); each side of a proxy has its own. */
const hopByHop = new Set(['connection', 'keep-alive', 'proxy-connection', 'upgrade']);

export interface Sending {
  readonly outgoing: ClientRequest;
  /** The answer, when its headers have come. */
  readonly answered: Promise<IncomingMessage>;
}

export interface Reply {
  /** Names and values in turn, as in `rawHeaders`; those of the answer when absent. */
  readonly headers?: readonly string[];
  /** What the body passes through. */
  readonly through?: readonly Transform[];
}

/** The server behind a proxy. Bodies pass as streams, and headers as they came: signatures cover `Host`. */
export class HttpUpstream {
  // Shorter than servers wait: a connection that is about to be closed must not be used again.
  readonly #agent = new Agent({ keepAlive: true, timeout: 2000 });
  readonly #hostname: string;
  readonly #port: number;

  /** @param target `ADDRESS:PORT`, or a URL of plain http */
  constructor(target: string) {
    const { hostname, port } = new URL(target.includes('://') ? target : `http://${target}`);
    this.#hostname = hostname;
    this.#port = Number(port === '' ? 80 : port);
  }

  /** Sends the head of a request; the body is for the caller to send. */
  open(incoming: IncomingMessage, client: ServerResponse): Sending {
    const outgoing = openRequest({
      host: this.#hostname,
      port: this.#port,
      method: incoming.method,
      path: incoming.url,
      headers: requestHeaders(incoming),
      agent: this.#agent,
    });
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      outgoing.on('response', resolve).on('error', reject);
    });
    // Whoever sends only a part of the body may have no use for an answer.
    answered.catch(() => undefined);
    outgoing.on('continue', () => client.writeContinue());
    outgoing.on('close', () => {
      // An answer may come before the body was read: the client may then send the rest, to nobody.
      incoming.unpipe();
      incoming.resume();
    });
    client.on('close', () => {
      if (!client.writableFinished) outgoing.destroy();
    });
    return { outgoing, answered };
  }

  /** Passes a whole request on. */
  send(
    incoming: IncomingMessage,
    client: ServerResponse,
    through: readonly Transform[] = [],
  ): Promise<IncomingMessage> {
    const { outgoing, answered } = this.open(incoming, client);
    through.reduce<Readable>((from, step) => from.pipe(step), incoming).pipe(outgoing);
    return answered;
  }

  stop(): void {
    this.#agent.destroy();
  }
}

/** Passes an answer on to the client, whose connection breaks when the server's does. */
export async function reply(
  answer: IncomingMessage,
  client: ServerResponse,
  { headers, through = [] }: Reply = {},
): Promise<void> {
  replyHead(answer, client, headers);
  await pipeline([answer, ...through, client]);
}

export function replyHead(
  answer: IncomingMessage,
  client: ServerResponse,
  headers: readonly string[] = answer.rawHeaders,
): void {
  client.sendDate = false;
  client.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? '', endToEnd(headers));
  client.flushHeaders();
}

/** Passes so many bytes at most, and ends what it writes to if there are no more. Tells whether there are. What was passed is on its way. */
export async function passUpTo(limit: number, from: Readable, to: Writable): Promise<boolean> {
  let left = limit;
  for await (const chunk of from.iterator({ destroyOnReturn: false })) {
    const passed = (chunk as Buffer).subarray(0, left);
    left -= passed.length;
    if (passed.length > 0) await new Promise((written) => to.write(passed, written));
    if (passed.length < (chunk as Buffer).length) return true;
  }
  to.end();
  return false;
}

/** The headers with this one changed, or without it. */
export function withHeader(
  rawHeaders: readonly string[],
  name: string,
  value: string | undefined,
): string[] {
  return pairs(rawHeaders).flatMap(([known, old]) => {
    if (known.toLowerCase() !== name) return [known, old];
    return value === undefined ? [] : [known, value];
  });
}

function requestHeaders({ method = 'GET', rawHeaders, headers }: IncomingMessage): string[] {
  const kept = endToEnd(rawHeaders);
  const framed = 'content-length' in headers || 'transfer-encoding' in headers;
  // Otherwise Node announces an empty body in chunks, as the client did not.
  if (!framed && !['GET', 'HEAD', 'DELETE'].includes(method)) kept.push('Content-Length', '0');
  return kept;
}

function endToEnd(rawHeaders: readonly string[]): string[] {
  return pairs(rawHeaders)
    .filter(([name]) => !hopByHop.has(name.toLowerCase()))
    .flat();
}

function pairs(rawHeaders: readonly string[]): readonly (readonly [string, string])[] {
  return Array.from({ length: rawHeaders.length / 2 }, (_, index) => [
    rawHeaders[2 * index] ?? '',
    rawHeaders[2 * index + 1] ?? '',
  ]);
}
