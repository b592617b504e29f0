import { createHash } from 'node:crypto';

import { z } from 'zod';

/** A piece of a large object, as a manifest names it. */
export interface Segment {
  /** With the container: `/container/name`. */
  readonly path: string;
  readonly etag: string;
  /** Bytes of the whole object at the path. */
  readonly size: number;
  /** What of it belongs to the large object, where that is not all: `first-last`. */
  readonly range?: string | undefined;
  /** A manifest itself. */
  readonly nested?: boolean;
  /** Milliseconds since 1970. */
  readonly modifiedAt?: number | undefined;
}

const stored = z.array(
  z.object({
    name: z.string(),
    hash: z.string(),
    bytes: z.number(),
    range: z.string().optional(),
    sub_slo: z.boolean().optional(),
    last_modified: z.string().optional(),
  }),
);

/** The content of a manifest as Swift keeps it; undefined if it holds something else, such as bytes of its own. */
export function parseSegments(text: string): readonly Segment[] | undefined {
  const parsed = stored.safeParse(json(text));
  return parsed.data?.map((each) => ({
    path: each.name,
    etag: each.hash,
    size: each.bytes,
    range: each.range,
    nested: each.sub_slo === true,
    modifiedAt: each.last_modified === undefined ? undefined : Date.parse(`${each.last_modified}Z`),
  }));
}

/** What is sent to have a manifest made. */
export function writtenSegments(segments: readonly Segment[]): string {
  return JSON.stringify(
    segments.map(({ path, etag, size, range }) => ({ path, etag, size_bytes: size, range })),
  );
}

/** The ETag of the large object, as Swift computes it. */
export function largeEtag(segments: readonly Segment[]): string {
  const hash = createHash('md5');
  for (const { etag, range } of segments)
    hash.update(range === undefined ? etag : `${etag}:${range};`);
  return hash.digest('hex');
}

/** Bytes that it contributes. */
export function lengthOf({ size, range }: Segment): number {
  if (range === undefined) return size;
  const [first = 0, last = 0] = range.split('-').map(Number);
  return last + 1 - first;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
