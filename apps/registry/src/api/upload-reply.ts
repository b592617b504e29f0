import type { FastifyReply } from 'fastify';

import type { UploadSessions } from '#content/uploads/upload-sessions.js';
import { offsetOf, type UploadState } from '#content/uploads/upload-state.js';
import type { Digest } from '#oci/digest.js';

import type { PublicUrl } from '../http/public-url.js';

/** Headers that say where an upload stands and where to go on with it. */
export function setUploadHeaders(
  reply: FastifyReply,
  { state, uploads, urls }: { state: UploadState; uploads: UploadSessions; urls: PublicUrl },
): void {
  const path = `/v2/${state.name}/blobs/uploads/${state.session}?_state=${uploads.sign(state)}`;
  // An empty session says 0-0 too: the header has no way to say that there is no byte.
  const last = Math.max(offsetOf(state) - 1, 0);
  reply
    .header('location', urls.location(reply.request.raw, path))
    .header('range', `0-${last}`)
    .header('docker-upload-uuid', state.session);
  if (uploads.minimumChunkSize > 0) {
    reply.header('oci-chunk-min-length', uploads.minimumChunkSize);
  }
}

/** The answer to a push that is complete. */
export function sendCreated(
  reply: FastifyReply,
  { name, digest, urls }: { name: string; digest: Digest; urls: PublicUrl },
): void {
  reply
    .header('location', urls.location(reply.request.raw, `/v2/${name}/blobs/${digest.toString()}`))
    .header('docker-content-digest', digest.toString())
    .status(201)
    .send();
}
