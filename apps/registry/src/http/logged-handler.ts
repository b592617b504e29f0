import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

import type { AccessLog } from '#telemetry/access-log.js';

/** Answers as `handler` does, and writes a line when the answer has left or its client has. */
export function loggedHandler(
  handler: RequestListener,
  log: AccessLog,
  clientOf: (request: IncomingMessage) => string,
): RequestListener {
  return function answer(this: unknown, request, response) {
    const begin = performance.now();
    const sentBefore = bytesSent(request);
    // Read now: a router rewrites the one, and a connection that is gone has no other.
    const [url, client] = [request.url ?? '', clientOf(request)];
    response.once('close', () => {
      log.write({
        method: request.method ?? '',
        url,
        status: response.statusCode,
        bytes: Math.max(0, bytesSent(request) - sentBefore),
        milliseconds: performance.now() - begin,
        client,
        agent: request.headers['user-agent'],
        cut: isCut(response) || undefined,
      });
    });
    Reflect.apply(handler, this, [request, response]);
  };
}

function isCut(response: ServerResponse): boolean {
  return !response.writableFinished;
}

/** What the connection has sent; streams of HTTP/2 share theirs and do not tell. */
function bytesSent({ httpVersionMajor, socket }: IncomingMessage): number {
  return httpVersionMajor === 1 ? socket.bytesWritten : 0;
}
