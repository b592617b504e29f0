import { createHash } from 'node:crypto';

import type { DeleteObjectsCommand, UploadPartCommand } from '@aws-sdk/client-s3';

interface SentRequest {
  headers: Record<string, string>;
  readonly body?: unknown;
}

/** Hashes of the bytes that a request carries. */
export interface BodyHashes {
  /** In hex. */
  readonly sha256: string;
  /** In base64, where the service does not look at the other. */
  readonly md5?: string | undefined;
}

export function hashHeaders({ sha256, md5 }: BodyHashes): Record<string, string> {
  return { 'x-amz-content-sha256': sha256, ...(md5 !== undefined && { 'content-md5': md5 }) };
}

/** The signature holds the hash of the bytes; without this the SDK would make it once more, or leave it out. */
export function withIntegrity(command: UploadPartCommand, hashes: BodyHashes): void {
  command.middlewareStack.add(
    (next) => async (call) => {
      Object.assign((call.request as SentRequest).headers, hashHeaders(hashes));
      return next(call);
    },
    { step: 'build', name: 'holdfastIntegrity' },
  );
}

/** Services that know no other checksum insist on this one; all others take it. */
export function withMd5(command: DeleteObjectsCommand): void {
  command.middlewareStack.add(
    (next) => async (call) => {
      const request = call.request as SentRequest;
      const headers = Object.entries(request.headers).filter(
        ([name]) => !/^x-amz-(checksum-|sdk-checksum)/i.test(name),
      );
      request.headers = {
        ...Object.fromEntries(headers),
        'content-md5': createHash('md5').update(String(request.body)).digest('base64'),
      };
      return next(call);
    },
    { step: 'build', priority: 'low', name: 'holdfastMd5' },
  );
}
