import { createHash } from 'node:crypto';

import type { UploadedParts } from '../upload-area.js';
import { compactVersion, fullVersion } from './compact-version.js';

/** One finished part of an upload: an object that exactly one request wrote. */
export interface Part {
  /** Offset of its first byte. */
  readonly base: number;
  readonly size: number;
  readonly version: string;
  /** Who wrote it; undefined where the store sees to it that there is only one at each offset. */
  readonly writer: string | undefined;
}

/** As many as a token names; of more it has a hash. */
const mostNamed = 16;
const longestNamed = 640;

/** No bytes at all. */
export const noParts: UploadedParts = { size: 0, token: '' };

export function endOf(parts: readonly Part[]): number {
  const last = parts.at(-1);
  return last === undefined ? 0 : last.base + last.size;
}

/** The same for who finished the last of them and for who lists them all. */
export function uploadedParts(parts: readonly Part[]): UploadedParts {
  const named = parts.map(nameOf).join(',');
  const short = parts.length <= mostNamed && named.length <= longestNamed;
  const token = short ? named && `p${named}` : hashToken(parts.length, named);
  return { size: endOf(parts), token };
}

/** The parts that a token names; undefined if it only has their hash, or is none of ours. */
export function namedParts({ size, token }: UploadedParts): readonly Part[] | undefined {
  if (!token.startsWith('p')) return undefined;
  const parts: Part[] = [];
  for (const name of token.slice(1).split(',')) {
    const [digits = '', version = '', writer] = name.split('.');
    const part = {
      base: endOf(parts),
      size: Number.parseInt(digits, 36),
      version: fullVersion(version),
      writer,
    };
    if (!(part.size > 0)) return undefined;
    parts.push(part);
  }
  return endOf(parts) === size ? parts : undefined;
}

function nameOf({ size, version, writer }: Part): string {
  const name = `${size.toString(36)}.${compactVersion(version)}`;
  return writer === undefined ? name : `${name}.${writer}`;
}

function hashToken(count: number, named: string): string {
  return `h${count}.${createHash('sha256').update(named).digest('base64url')}`;
}
