import type { FastifyRequest } from 'fastify';

import { BodyLength } from '#content/uploads/upload-body.js';
import type { UploadChunk } from '#content/uploads/upload-sessions.js';
import { SizeInvalid } from '#oci/errors.js';

import { parseContentRange } from './byte-ranges.js';

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
