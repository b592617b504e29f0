import { z } from 'zod';

import { StorageRefused } from '../bucket/object-store.js';

/** What a cluster says of itself at `/info`. */
export interface SwiftInfo {
  /** Undefined where it says nothing at all. */
  readonly version: string | undefined;
  /** Bytes. */
  readonly largestObject: number;
  readonly listingLimit: number;
  readonly mostSegments: number;
  /** Bytes. */
  readonly smallestSegment: number;
  /** Names in one request; 0 where each is removed on its own. */
  readonly bulkDeletes: number;
  readonly tempUrl:
    | { readonly methods: readonly string[]; readonly digests: readonly string[] }
    | undefined;
}

const schema = z.object({
  swift: z
    .object({
      version: z.string().optional(),
      max_file_size: z.number().optional(),
      container_listing_limit: z.number().optional(),
    })
    .optional(),
  slo: z
    .object({
      max_manifest_segments: z.number().optional(),
      min_segment_size: z.number().optional(),
    })
    .optional(),
  bulk_delete: z.object({ max_deletes_per_request: z.number().optional() }).optional(),
  tempurl: z
    .object({
      methods: z.array(z.string()).optional(),
      allowed_digests: z.array(z.string()).optional(),
    })
    .optional(),
});

/** What every Swift of the last ten years can, for one that does not tell. */
export const silentInfo: SwiftInfo = {
  version: undefined,
  largestObject: 5 * 1024 ** 3,
  listingLimit: 1000,
  mostSegments: 1000,
  // Of smaller ones Swift gives out one per second, from the tenth on.
  smallestSegment: 1024 ** 2,
  bulkDeletes: 0,
  tempUrl: undefined,
};

/** @param text undefined where the cluster shows no such page @throws {StorageRefused} */
export function parseInfo(text: string | undefined): SwiftInfo {
  const parsed = schema.safeParse(json(text));
  if (!parsed.success) return silentInfo;
  const { swift = {}, slo, bulk_delete, tempurl } = parsed.data;
  if (slo === undefined) {
    throw new StorageRefused(
      'this Swift has no static large objects: add slo to the pipeline of its proxy, or set storage.swift.authurl to another cluster',
    );
  }
  return {
    version: swift.version,
    largestObject: swift.max_file_size ?? silentInfo.largestObject,
    listingLimit: swift.container_listing_limit ?? silentInfo.listingLimit,
    mostSegments: slo.max_manifest_segments ?? silentInfo.mostSegments,
    smallestSegment: Math.max(slo.min_segment_size ?? 0, silentInfo.smallestSegment),
    bulkDeletes: bulk_delete === undefined ? 0 : (bulk_delete.max_deletes_per_request ?? 1000),
    tempUrl: tempurl && {
      methods: tempurl.methods ?? ['GET', 'HEAD'],
      digests: tempurl.allowed_digests ?? ['sha1'],
    },
  };
}

/** Whether keys of addresses may be at a container: since 2.3. */
export function keepsContainerKeys(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 2 || (major === 2 && minor >= 3);
}

function json(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
