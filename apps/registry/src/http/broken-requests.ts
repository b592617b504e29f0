import type { Duplex } from 'node:stream';

import type { ErrorCode } from '#oci/errors.js';

import type { Outgoing } from './requests-under-way.js';

type Headers = Readonly<Record<string, string | readonly string[]>>;

export interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly code: ErrorCode;
  readonly message: string;
}

const refuse = (status: number, reason: string, code: ErrorCode, message: string): Refusal => ({
  status,
  reason,
  code,
  message,
});

export const badRequest = refuse(
  400,
  'Bad Request',
  'UNSUPPORTED',
  'the request is not valid HTTP',
);
export const missingHost = refuse(
  400,
  'Bad Request',
  'UNSUPPORTED',
  'a request of HTTP/1.1 names its host',
);
export const doubtfulHost = refuse(
  400,
  'Bad Request',
  'UNSUPPORTED',
  'a request names one host, and nothing but a host',
);
export const doubtfulFraming = refuse(
  400,
  'Bad Request',
  'UNSUPPORTED',
  'where the body ends cannot be told: chunked is the last transfer coding, and unknown to HTTP/1.0',
);
export const unknownCoding = refuse(
  501,
  'Not Implemented',
  'UNSUPPORTED',
  'chunked is the only transfer coding that is understood',
);
export const uriTooLong = refuse(
  414,
  'URI Too Long',
  'SIZE_INVALID',
  'the URL is longer than http.limits.urlsize',
);
export const expectationFailed = refuse(
  417,
  'Expectation Failed',
  'UNSUPPORTED',
  '100-continue is the only expectation that is met',
);
export const noTunnel = refuse(
  405,
  'Method Not Allowed',
  'UNSUPPORTED',
  'this server makes no tunnels',
);
const headTooLarge = refuse(
  431,
  'Request Header Fields Too Large',
  'SIZE_INVALID',
  'the head of the request is larger than http.limits.headersize',
);
const timeout = refuse(
  408,
  'Request Timeout',
  'UNAVAILABLE',
  'the head of the request did not come within http.limits.headertimeout',
);

/** Time for a client to read why it was refused, while what it still sends is thrown away: a close with bytes unread is a reset. */
const lingerMs = 500;

/** What Node's parser found wrong, as an answer. */
export function refusalOf(error: NodeJS.ErrnoException): Refusal {
  switch (error.code ?? '') {
    case 'HPE_HEADER_OVERFLOW':
      return headTooLarge;
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return timeout;
    default:
      return badRequest;
  }
}

/**
 * Answers a request that never reached the application, in the spec's words, and ends the connection.
 *
 * @param added `http.headers`
 */
export function refuseRequest(response: Outgoing, refusal: Refusal, added: Headers): void {
  if ('shouldKeepAlive' in response) response.shouldKeepAlive = false;
  const body = bodyOf(refusal);
  response.statusCode = refusal.status;
  for (const [name, value] of Object.entries(headersOf(body, added))) {
    response.setHeader(name, value);
  }
  response.end(body);
}

/** The same, where there is a connection and no request. */
export function refuseConnection(socket: Duplex, refusal: Refusal, added: Headers): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = bodyOf(refusal);
  const headers = Object.entries({
    ...headersOf(body, added),
    connection: 'close',
    ...(refusal.status === 405 && { allow: 'GET, HEAD, POST, PATCH, PUT, DELETE' }),
  });
  const lines = headers.flatMap(([name, value]) =>
    [value].flat().map((text) => `${name}: ${text}`),
  );
  socket.end(
    [`HTTP/1.1 ${refusal.status} ${refusal.reason}`, ...lines, '', body].join('\r\n'),
    'latin1',
  );
  setTimeout(() => socket.destroy(), lingerMs).unref();
}

function headersOf(body: string, added: Headers): Headers {
  const lowerCased = Object.entries(added).map(([name, values]) => [name.toLowerCase(), values]);
  return {
    ...(Object.fromEntries(lowerCased) as Headers),
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'docker-distribution-api-version': 'registry/2.0',
  };
}

function bodyOf({ code, message }: Refusal): string {
  return JSON.stringify({ errors: [{ code, message }] });
}
