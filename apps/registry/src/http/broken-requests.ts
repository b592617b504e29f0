import type { Duplex } from 'node:stream';

import type { ErrorCode } from '#oci/errors.js';

import type { Outgoing } from './requests-under-way.js';

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

/** Answers a request that never reached the application, in the spec's words, and ends the connection. */
export function refuseRequest(response: Outgoing, refusal: Refusal): void {
  if ('shouldKeepAlive' in response) response.shouldKeepAlive = false;
  const body = bodyOf(refusal);
  response.statusCode = refusal.status;
  response.setHeader('content-type', 'application/json');
  response.setHeader('content-length', Buffer.byteLength(body));
  response.setHeader('docker-distribution-api-version', 'registry/2.0');
  response.end(body);
}

/** The same, where there is a connection and no request. */
export function refuseConnection(socket: Duplex, refusal: Refusal): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = bodyOf(refusal);
  socket.end(
    `HTTP/1.1 ${refusal.status} ${refusal.reason}\r\n` +
      'Connection: close\r\n' +
      'Content-Type: application/json\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\n` +
      (refusal.status === 405 ? 'Allow: GET, HEAD, POST, PATCH, PUT, DELETE\r\n' : '') +
      'Docker-Distribution-API-Version: registry/2.0\r\n\r\n' +
      body,
  );
  setTimeout(() => socket.destroy(), lingerMs).unref();
}

function bodyOf({ code, message }: Refusal): string {
  return JSON.stringify({ errors: [{ code, message }] });
}
