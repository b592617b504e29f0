import { lengthOf, type Segment } from './manifest-segments.js';

/** Bytes to be joined: a segment of a large object already, or of an object of its own, which is copied to become one. */
export interface JoinPiece extends Segment {
  readonly copied: boolean;
}

/**
 * Puts pieces that are too small to be segments together with what follows them: as many small ones as it takes, or as many
 * bytes of a large one, whose rest is then a piece by itself. Only the last segment may be of any size.
 */
export function gatherSmall(
  pieces: readonly JoinPiece[],
  smallest: number,
): readonly (readonly JoinPiece[])[] {
  const groups: JoinPiece[][] = [];
  let missing = 0;
  for (const piece of pieces) {
    const length = lengthOf(piece);
    if (length === 0) continue;
    if (missing === 0) {
      groups.push([piece]);
      missing = Math.max(0, smallest - length);
    } else if (length < missing + smallest) {
      groups.at(-1)?.push(piece);
      missing = Math.max(0, missing - length);
    } else {
      groups.at(-1)?.push(partOf(piece, 0, missing));
      groups.push([partOf(piece, missing, length)]);
      missing = 0;
    }
  }
  return groups;
}

function partOf(piece: JoinPiece, start: number, end: number): JoinPiece {
  const first = Number(piece.range?.split('-')[0] ?? 0);
  return { ...piece, range: `${first + start}-${first + end - 1}` };
}
