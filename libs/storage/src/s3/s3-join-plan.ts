import { smallestPiece } from './s3-config.js';

/** Bytes of one source, both ends as offsets, `end` not included. */
export interface SourceRange<Source> {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
}

/** One range is copied inside the store; of several, or of less than a piece may have, the bytes are read and written. */
export interface JoinedPiece<Source> {
  readonly ranges: readonly SourceRange<Source>[];
  readonly size: number;
  readonly copied: boolean;
}

export interface JoinRules {
  /** Bytes that one call copies. */
  readonly copySize: number;
  readonly mostPieces: number;
  /** Bytes of every piece but the last, for services that want them all alike. */
  readonly uniform?: number | undefined;
}

/** Cuts sources into pieces such that as few bytes as possible are read. Sources without bytes have no part in it. */
export function planJoin<Source extends { readonly size: number }>(
  sources: readonly Source[],
  rules: JoinRules,
): readonly JoinedPiece<Source>[] {
  const filled = sources.filter(({ size }) => size > 0);
  return rules.uniform === undefined
    ? planBySources(filled, rules)
    : planUniform(filled, rules.uniform);
}

function planBySources<Source extends { readonly size: number }>(
  sources: readonly Source[],
  { copySize, mostPieces }: JoinRules,
): readonly JoinedPiece<Source>[] {
  const total = sources.reduce((sum, { size }) => sum + size, 0);
  // Each source may add a piece that is not full, and one that is read.
  const room = Math.max(1, mostPieces - 2 * sources.length);
  const largest = Math.max(copySize, Math.ceil(total / room));
  const pieces: JoinedPiece<Source>[] = [];
  let small: SourceRange<Source>[] = [];
  const flush = () => {
    if (small.length > 0) pieces.push(readPiece(small));
    small = [];
  };
  for (const [index, source] of sources.entries()) {
    const last = index === sources.length - 1;
    const missing = small.length === 0 ? 0 : smallestPiece - sizeOf(small);
    const rest = source.size - missing;
    if (rest >= smallestPiece || (last && rest > 0)) {
      if (missing > 0) small.push({ source, start: 0, end: missing });
      flush();
      pieces.push(...copiedPieces(source, missing, largest));
      continue;
    }
    small.push({ source, start: 0, end: source.size });
    if (sizeOf(small) >= smallestPiece) flush();
  }
  flush();
  return pieces;
}

/** What is left of a source, in ranges of about one size: a short one would be refused. */
function copiedPieces<Source extends { readonly size: number }>(
  source: Source,
  start: number,
  largest: number,
): JoinedPiece<Source>[] {
  const length = source.size - start;
  const count = Math.max(
    1,
    Math.min(Math.ceil(length / largest), Math.floor(length / smallestPiece)),
  );
  return Array.from({ length: count }, (_, index) => {
    const from = start + Math.floor((length * index) / count);
    const end = start + Math.floor((length * (index + 1)) / count);
    return { ranges: [{ source, start: from, end }], size: end - from, copied: true };
  });
}

function planUniform<Source extends { readonly size: number }>(
  sources: readonly Source[],
  uniform: number,
): readonly JoinedPiece<Source>[] {
  const pieces: JoinedPiece<Source>[] = [];
  let ranges: SourceRange<Source>[] = [];
  const flush = () => {
    const [only, ...others] = ranges;
    if (only !== undefined && others.length === 0) {
      pieces.push({ ranges, size: only.end - only.start, copied: true });
    } else if (only !== undefined) pieces.push(readPiece(ranges));
    ranges = [];
  };
  for (const source of sources) {
    for (let start = 0; start < source.size;) {
      const end = Math.min(source.size, start + uniform - sizeOf(ranges));
      ranges.push({ source, start, end });
      start = end;
      if (sizeOf(ranges) === uniform) flush();
    }
  }
  flush();
  return pieces;
}

function readPiece<Source>(ranges: readonly SourceRange<Source>[]): JoinedPiece<Source> {
  return { ranges, size: sizeOf(ranges), copied: false };
}

function sizeOf(ranges: readonly SourceRange<unknown>[]): number {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0);
}
