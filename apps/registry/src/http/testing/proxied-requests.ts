import { httpConfig } from '../http-config.js';
import { type IncomingRequest, PublicUrl } from '../public-url.js';

export type Headers = IncomingRequest['headers'];

interface Client {
  readonly peer?: string | undefined;
  readonly encrypted?: boolean;
}

/** A request for `example.com`. */
export const request = (
  headers: Headers,
  { peer, encrypted = false }: Client,
): IncomingRequest => ({
  headers: { host: 'example.com', ...headers },
  socket: { remoteAddress: peer, encrypted } as IncomingRequest['socket'],
});

/** One that came through a proxy which is trusted by default, or says so. */
export const proxied = (headers: Headers) => request(headers, { peer: '127.0.0.1' });

/** One from an address that is not trusted by default. */
export const direct = (headers: Headers) => request(headers, { peer: '203.0.113.9' });

/** @param keys of `http` */
export function publicUrl(keys: Record<string, unknown> = {}) {
  const warnings: string[] = [];
  const log = { warn: (_fields: object, message: string) => void warnings.push(message) };
  return { url: new PublicUrl(httpConfig.parse(keys), log), warnings };
}

export const location = (keys: Record<string, unknown>, incoming: IncomingRequest) =>
  publicUrl(keys).url.location(incoming, '/v2/');
