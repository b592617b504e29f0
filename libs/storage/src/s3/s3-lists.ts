import { ListObjectsV2Command, type ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';

import { BrokenOff } from '../bucket/broken-off.js';
import type { ListRequest, ObjectPage, StoredObject } from '../bucket/object-store.js';
import type { S3Calls } from './s3-calls.js';
import type { S3Names } from './s3-names.js';

const largestPage = 1000;

/** Keys in the order of their bytes. */
export class S3Lists {
  constructor(
    private readonly calls: S3Calls,
    private readonly names: S3Names,
  ) {}

  async page(prefix: string, request: ListRequest): Promise<ObjectPage> {
    const { after, folded = false, limit = largestPage, next } = request;
    const command = new ListObjectsV2Command({
      Bucket: this.calls.bucket,
      Prefix: this.names.of(prefix),
      MaxKeys: Math.min(limit, largestPage),
      // XML cannot hold every key.
      EncodingType: 'url',
      ...(folded && { Delimiter: '/' }),
      ...(next === undefined
        ? after !== undefined && { StartAfter: this.names.of(after) }
        : { ContinuationToken: next }),
    });
    return this.calls.run('ListObjectsV2', prefix, async ({ signal }) => {
      const page = await this.calls.client.send(command, { abortSignal: signal });
      if (page.IsTruncated && !page.NextContinuationToken) {
        throw new BrokenOff('a page of a list without a name for the next one');
      }
      const inside = (key: string) =>
        key.startsWith(prefix) && (after === undefined || byBytes(key, after) > 0);
      return {
        objects: this.#objectsIn(page).filter(({ key }) => inside(key)),
        // Some services fold the prefix that was asked to come before all others, too.
        prefixes: (page.CommonPrefixes ?? [])
          .map((common) => this.names.keyOf(decoded(common.Prefix ?? '', page)))
          .filter(inside),
        next: page.IsTruncated ? page.NextContinuationToken : undefined,
      };
    });
  }

  #objectsIn(page: ListObjectsV2CommandOutput): StoredObject[] {
    return (page.Contents ?? []).map((found) => {
      const { ETag, Key, LastModified, Size } = found;
      if (!ETag || Key === undefined || Size === undefined) {
        throw new BrokenOff('a list with objects of which something is missing');
      }
      return {
        key: this.names.keyOf(decoded(Key, page)),
        size: Size,
        modifiedAt: LastModified?.getTime() ?? 0,
        version: ETag,
      };
    });
  }
}

/** Services that do not encode do not say that they did. */
function decoded(name: string, { EncodingType }: ListObjectsV2CommandOutput): string {
  if (EncodingType !== 'url') return name;
  try {
    return decodeURIComponent(name.replaceAll('+', '%20'));
  } catch {
    return name;
  }
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
