import type { Digest } from '#oci/digest.js';

/** How much was asked for, found, and lost to a broken cache, since the start of the process. */
export interface CacheCounts {
  readonly requests: number;
  readonly hits: number;
  /** Values that were not what they should be: junk, too large, signed by nobody. */
  readonly errors: number;
}

/**
 * What is known of content by its digest, and may be forgotten at any time. All of it is true for ever or for everybody: the
 * size of the bytes that have a digest, and those bytes. Nothing that can change is kept: no tag, no link, not even whether a
 * repository has something. That is read from the storage each time.
 *
 * No method fails, and none takes longer than the cache below it is given. Who gets nothing asks the storage.
 */
export abstract class ContentCache {
  /** Bytes of a blob that was whole in the storage a short while ago. */
  abstract sizeOf(digest: Digest): Promise<number | undefined>;

  /** A manifest that has the digest: verified, and not to be changed, since it is shared. */
  abstract manifest(digest: Digest): Promise<Buffer | undefined>;

  /** For who has just seen it in the storage. */
  abstract rememberSize(digest: Digest, size: number): void;

  /** For who has verified it. One that is too large for the cache is not kept. */
  abstract rememberManifest(digest: Digest, body: Buffer): void;

  /** For who found the stored bytes missing or damaged. Other processes may know the size a little longer. */
  abstract forget(digest: Digest): void;

  abstract readonly counts: CacheCounts;
}
