import { type ArgumentsHost, Catch, type ExceptionFilter, NotFoundException } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';

import { BlobTooLarge } from '#content/uploads/blob-too-large.js';
import {
  BlobDamaged,
  NameInvalid,
  RegistryError,
  TooManyRequests,
  Unauthorized,
  Unavailable,
} from '#oci/errors.js';
import { StorageUnavailable } from '#storage/storage-driver.js';
import type { Log } from '#telemetry/log.js';

import type { Incoming } from '../http/requests-under-way.js';
import { ManifestTooLarge, MethodNotAllowed, TooManyTags } from './errors.js';
import { failureFields, requestFields } from './failure-fields.js';
import { FailureLog } from './failure-log.js';
import { statuses } from './statuses.js';
import { unknownRoute } from './unknown-route.js';

/** Seconds after which a client may try again when the storage is not available, or too much is asked at once. */
const retryAfter = '10';

/** Bytes of a refused body that are read all the same. */
const mostThrownAway = 256 * 1024 * 1024;

/** The one place where an error becomes an answer: the spec's JSON, with a detail that helps. */
@Catch()
export class RegistryErrorFilter implements ExceptionFilter<unknown> {
  readonly #log: FailureLog;

  constructor(log: Log) {
    this.#log = new FailureLog(log);
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    answerError(
      error,
      http.getRequest<FastifyRequest>(),
      http.getResponse<FastifyReply>(),
      this.#log,
    );
  }
}

export function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  log: Pick<Log, 'error'>,
): void {
  if (reply.sent || reply.raw.headersSent) {
    log.error({ ...failureFields(error), ...requestFields(request) }, 'answer cut off');
    reply.raw.destroy();
    return;
  }
  const known = asRegistryError(error, request);
  const status = known === undefined ? 500 : statusOf(known);
  if (status >= 500) {
    const code = known?.code ?? unknownError.code;
    log.error(
      { status, code, ...failureFields(error), ...requestFields(request) },
      failureSentence(known),
    );
  }
  if (known instanceof Unauthorized) reply.header('www-authenticate', known.challenge);
  if (known instanceof MethodNotAllowed) reply.header('allow', known.allow.join(', '));
  if (known instanceof Unavailable || known instanceof TooManyRequests) {
    reply.header('retry-after', retryAfter);
  }
  const { code, message, detail } = known ?? unknownError;
  const body = Buffer.from(JSON.stringify({ errors: [{ code, message, detail }] }));
  reply
    .status(status)
    .header('content-length', body.length)
    .type('application/json; charset=utf-8');
  if (hasUnreadBody(request)) answerWhileSending(request, reply, body);
  else void reply.send(body);
}

/**
 * Many clients, and nginx, look at the answer only when they have sent all, and a connection that is closed with bytes unread
 * is reset: they would never learn why they were refused. So the answer goes out whole at once, and its end, after which
 * the connection may be closed, waits for the body.
 */
function answerWhileSending(request: FastifyRequest, reply: FastifyReply, body: Buffer): void {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(reply.statusCode, reply.getHeaders() as Record<string, string>);
  raw.write(body);
  let thrownAway = 0;
  request.raw
    .on('data', (chunk: Buffer) => {
      thrownAway += chunk.length;
      if (thrownAway > mostThrownAway) raw.destroy();
    })
    .on('error', () => undefined) // The client left.
    .once('close', () => raw.end())
    .once('end', () => raw.end())
    .resume();
}

const unknownError = {
  code: 'UNKNOWN',
  message: 'unknown error; the log tells more',
  detail: undefined,
};

function asRegistryError(error: unknown, request: FastifyRequest): RegistryError | undefined {
  if (error instanceof RegistryError) return error;
  if (error instanceof NotFoundException) {
    return unknownRoute((request.raw.url ?? '/').split('?', 1)[0] ?? '/');
  }
  if (isMalformedUrl(error)) return new NameInvalid('the URL cannot be read');
  if (error instanceof StorageUnavailable) {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const what = isRead ? 'cannot be read' : 'takes no writes';
    return new Unavailable(`the storage ${what}: ${error.reason}`);
  }
  return undefined;
}

/** Constant sentences: of each so many are written. */
function failureSentence(known: RegistryError | undefined): string {
  if (known instanceof Unavailable) return 'storage unavailable';
  return known instanceof BlobDamaged ? 'damaged blob asked for' : 'request failed';
}

function statusOf(error: RegistryError): number {
  if (error instanceof ManifestTooLarge || error instanceof BlobTooLarge) return 413;
  if (error instanceof TooManyTags) return 414;
  return statuses[error.code];
}

/** What the router refuses before any controller is asked: broken percent-encoding, a segment of absurd length. */
function isMalformedUrl(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'FST_ERR_BAD_URL' || error.code === 'FST_ERR_MAX_PARAM_LENGTH')
  );
}

function hasUnreadBody({ headers, raw }: FastifyRequest): boolean {
  const announced =
    headers['transfer-encoding'] !== undefined ||
    Number(headers['content-length']) > 0 ||
    isOpenStream(raw);
  return announced && !raw.complete;
}

/** Over HTTP/2 no header announces a body: one comes where the stream does not end with its head. */
function isOpenStream(raw: Incoming): boolean {
  return raw.httpVersionMajor === 2 && 'stream' in raw && !raw.stream.endAfterHeaders;
}
