import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

import { BodyLength } from '#content/uploads/upload-body.js';
import type { UploadChunk, UploadOwner } from '#content/uploads/upload-sessions.js';
import { SizeInvalid } from '#oci/errors.js';
import { parseRepositoryName } from '#oci/repository-name.js';

import { parseContentRange } from './byte-ranges.js';
import { subjectOf } from './grant.js';
import { one, type Query } from './params.js';

/** Which session a request goes on with, who says so, and what it says of it. */
export interface SessionUrl {
  readonly owner: UploadOwner;
  readonly session: string;
  /** What the last answer said of the upload, if the client kept it. */
  readonly state: string | undefined;
  readonly digest: string | undefined;
}

type SessionRequest = FastifyRequest<{
  Params: { readonly name: string; readonly session: string };
  Querystring: Query;
}>;

/** The {@link SessionUrl} of a request. */
export const Session = createParamDecorator(
  (_data: unknown, context: ExecutionContext): SessionUrl => {
    const request = context.switchToHttp().getRequest<SessionRequest>();
    const { params, query } = request;
    return {
      owner: { name: parseRepositoryName(params.name), subject: subjectOf(request) },
      session: params.session,
      state: one(query, '_state'),
      digest: one(query, 'digest'),
    };
  },
);

/**
 * The body of a request as a chunk of an upload; undefined where there is none.
 * @throws {SizeInvalid} if `Content-Length` and `Content-Range` contradict each other
 * @throws {RangeInvalid}
 */
export function chunkOf(request: FastifyRequest): UploadChunk | undefined {
  const announced = request.headers['content-length'];
  const length = announced === undefined ? undefined : Number(announced);
  const range = parseContentRange(request.headers['content-range']);
  if (range !== undefined && length !== undefined && range.length !== length) {
    throw new SizeInvalid('Content-Length and Content-Range disagree', {
      contentLength: length,
      rangeLength: range.length,
    });
  }
  const streamed =
    request.headers['transfer-encoding'] !== undefined || request.raw.httpVersionMajor === 2;
  if (range === undefined && (length === 0 || (length === undefined && !streamed)))
    return undefined;
  return {
    bytes: receivedBytes(request),
    length: new BodyLength(range?.length ?? length, range?.start),
  };
}

/** A body that is cut off is the client's fault, and says so in the log only: nobody is left to answer. */
async function* receivedBytes(request: FastifyRequest): AsyncGenerator<Uint8Array> {
  let size = 0;
  try {
    // Who stops reading has an error to answer with, so the connection is kept.
    for await (const chunk of request.raw.iterator({ destroyOnReturn: false })) {
      const bytes = chunk as Buffer;
      size += bytes.length;
      yield bytes;
    }
  } catch (error) {
    throw new SizeInvalid('the body did not arrive whole', { received: size }, { cause: error });
  }
}
