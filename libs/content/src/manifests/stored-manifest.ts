import type { Digest } from '#oci/digest.js';
import type { Manifest } from '#oci/manifest.js';

/** A manifest as it was pushed. */
export interface StoredManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  /** Not to be changed: it is shared. */
  readonly body: Buffer;
  /** Parsed; undefined for one that an older registry took and this one would not. */
  readonly manifest: Manifest | undefined;
}
