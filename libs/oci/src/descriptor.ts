import type { Digest } from './digest.js';

/** Names content by digest, with its size in bytes and its type (image-spec, §"OCI Content Descriptors"). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

/** A descriptor as the referrers API lists it (distribution-spec, §"Listing Referrers"). */
export interface ReferrerDescriptor extends Descriptor {
  readonly artifactType?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}
