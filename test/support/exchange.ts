import { type IncomingHttpHeaders, request, type RequestOptions } from 'node:http';

export interface Exchange {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Chunks go out one by one, with no length announced unless a header does. */
  readonly body?: Buffer | string | AsyncIterable<Buffer>;
}

/**
 * One request, with its path exactly as it is given: `fetch` would tidy up `//` and `%2e%2e`. An answer counts also when the
 * server stops reading the body before its end.
 */
export async function exchange(
  url: string,
  path: string,
  { method = 'GET', headers = {}, body }: Sent = {},
): Promise<Exchange> {
  const { hostname, port } = new URL(url);
  const options: RequestOptions = { hostname, port, path, method, agent: false };
  const outgoing = request({ ...options, headers: headers as Record<string, string | string[]> });
  const answered = new Promise<Exchange>((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
        });
      });
    });
  });
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) outgoing.end(body);
  else void sendChunks(outgoing, body);
  return answered;
}

async function sendChunks(
  outgoing: ReturnType<typeof request>,
  chunks: AsyncIterable<Buffer>,
): Promise<void> {
  for await (const chunk of chunks) {
    if (outgoing.destroyed) return;
    const written = outgoing.write(chunk);
    if (!written) {
      await new Promise<void>((resolve) => {
        outgoing.once('drain', resolve).once('close', resolve);
      });
    }
  }
  outgoing.end();
}

/** The first error of the spec's JSON. */
export function errorOf({ body }: Exchange): { code: string; message: string; detail: unknown } {
  const { errors } = JSON.parse(body.toString()) as { errors: { code: string }[] };
  return errors[0] as ReturnType<typeof errorOf>;
}
