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
    // What is behind the limit is for the answer's sake thrown away, not the connection.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      const bytes = chunk as Buffer;
      size += bytes.length;
      if (size > limit) break;
      chunks.push(bytes);
    }
  } catch (error) {
    throw new ManifestInvalid('the manifest did not arrive whole', undefined, { cause: error });
  }
  if (size > limit) throw new ManifestTooLarge(limit);
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size);
}
