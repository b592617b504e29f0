import { createHash } from 'node:crypto';

import type { DeleteObjectsCommand, PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3';

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

/** The signature holds the hash of the bytes; without this the SDK would make it once more, or leave it out. */
export function withIntegrity(
  command: PutObjectCommand | UploadPartCommand,
  { sha256, md5 }: BodyHashes,
): void {
  (command as PutObjectCommand).middlewareStack.add(
    (next) => async (call) => {
      const { headers } = call.request as SentRequest;
      headers['x-amz-content-sha256'] = sha256;
      if (md5 !== undefined) headers['content-md5'] = md5;
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
