import type { IncomingMessage } from 'node:http';

import { ManifestInvalid } from '#oci/errors.js';

import { ManifestTooLarge } from './errors.js';

/**
 * A manifest's bytes: the only body that is held whole.
 * @throws {ManifestTooLarge} as soon as more than `limit` bytes were announced or came
 */
export async function readManifestBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > limit) throw new ManifestTooLarge(limit);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) break;
      chunks.push(chunk);
    }
  } catch (error) {
    throw new ManifestInvalid('the manifest did not arrive whole', undefined, { cause: error });
  }
  if (size > limit) throw new ManifestTooLarge(limit);
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size);
}
