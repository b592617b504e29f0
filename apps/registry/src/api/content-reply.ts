import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

import type { FastifyReply, FastifyRequest } from 'fastify';

import type { Digest } from '#oci/digest.js';
import type { StoredContent } from '#storage/storage-driver.js';

/** Content under a digest never changes; what does is who may see it, so shared caches have to ask. */
const cacheControl = 'private, max-age=31536000, immutable';

/** A larger body is the framework's to send, which keeps to the pace of a stream of HTTP/2. */
const largestInOnePiece = 64 * 1024;

/** All that is said of content, in one piece: a header that is set alone costs as much as writing it. */
export function contentHeaders(digest: Digest): OutgoingHttpHeaders {
  const text = digest.toString();
  return { 'docker-content-digest': text, etag: `"${text}"` };
}

export function blobHeaders(digest: Digest): OutgoingHttpHeaders {
  const text = digest.toString();
  return {
    'docker-content-digest': text,
    etag: `"${text}"`,
    'content-type': 'application/octet-stream',
    'accept-ranges': 'bytes',
    'cache-control': cacheControl,
  };
}

/**
 * Answers past the framework's own way of sending, which looks at every answer for what ours never are: streams, objects to
 * serialise, trailers. What its hooks set goes with it.
 */
export function answer(
  reply: FastifyReply,
  status: number,
  headers: OutgoingHttpHeaders,
  body?: Buffer,
): void {
  if (body !== undefined && body.length > largestInOnePiece) {
    return void reply.status(status).headers(headers).send(body);
  }
  const response = reply.raw;
  response.writeHead(status, Object.assign(reply.getHeaders(), headers) as OutgoingHttpHeaders);
  reply.hijack();
  response.end(body);
}

/** The address is good for a while and for whoever has it, so nobody may keep the answer. */
export function sendElsewhere(reply: FastifyReply, digest: Digest, address: string): void {
  reply
    .status(307)
    .header('docker-content-digest', digest.toString())
    .header('location', address)
    .header('cache-control', 'no-store')
    .send();
}

/** Whether the client has this content already (RFC 9110, §13.1.2). */
export function isNotModified(request: FastifyRequest, digest: Digest): boolean {
  const header = request.headers['if-none-match'];
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  const text = digest.toString();
  return header.split(',').some((tag) => {
    const bare = tag.trim().replace(/^W\//, '');
    return bare === `"${text}"` || bare === text;
  });
}

class ClientLeft extends Error {
  override readonly name = 'ClientLeft';
}

/**
 * Sends a stream past the framework: its chunks are only borrowed, so each is waited for. A failure cuts the connection; it is
 * thrown, unless it is that the client left.
 */
export async function sendContent(
  reply: FastifyReply,
  status: number,
  headers: OutgoingHttpHeaders,
  content: StoredContent,
): Promise<void> {
  const response = reply.raw;
  response.writeHead(status, Object.assign(reply.getHeaders(), headers) as OutgoingHttpHeaders);
  reply.hijack();
  try {
    for await (const chunk of content) {
      if (response.destroyed) return;
      await written(response, chunk);
    }
    response.end();
  } catch (error) {
    response.destroy(); // Never a short answer that looks whole.
    if (!(error instanceof ClientLeft)) throw error;
  }
}

function written(response: ServerResponse, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const onClose = () => reject(new ClientLeft());
    response.once('close', onClose);
    response.write(chunk, (error) => {
      response.off('close', onClose);
      if (error) reject(new ClientLeft(undefined, { cause: error }));
      else resolve();
    });
  });
}
