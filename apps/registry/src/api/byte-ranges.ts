import { RangeInvalid } from '#oci/errors.js';
import type { ByteRange } from '#storage/storage-driver.js';

/** No list of ranges that a client needs is longer. */
const longestHeader = 1024;

/**
 * The one range that a `Range` header asks for (RFC 9110, §14.2); undefined to answer with the whole content: no header, a
 * unit or a syntax that we do not know, or several ranges that leave gaps. Several that touch are answered as one.
 *
 * @throws {RangeInvalid} if no byte of the content is asked for
 */
export function parseRange(header: string | undefined, size: number): ByteRange | undefined {
  if (header === undefined || header.length > longestHeader) return undefined;
  const [unit, list, ...more] = header.split('=');
  if (unit?.trim().toLowerCase() !== 'bytes' || list === undefined || more.length > 0)
    return undefined;
  const ranges: ByteRange[] = [];
  for (const text of list.split(',')) {
    const range = parseOne(text.trim(), size);
    if (range === 'malformed') return undefined;
    if (range !== 'unsatisfiable') ranges.push(range);
  }
  if (ranges.length === 0) {
    throw new RangeInvalid('no byte of the requested range exists', { size });
  }
  return joined(ranges);
}

function parseOne(text: string, size: number): ByteRange | 'malformed' | 'unsatisfiable' {
  const dash = text.indexOf('-');
  const first = text.slice(0, dash);
  const last = text.slice(dash + 1);
  if (dash < 0 || !/^\d*$/.test(first) || !/^\d*$/.test(last)) return 'malformed';
  if (first === '' && last === '') return 'malformed';
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return start > end || start >= size ? 'unsatisfiable' : { start, end };
}

function joined(ranges: readonly ByteRange[]): ByteRange | undefined {
  const sorted = [...ranges].sort((a, b) => a.start - b.start);
  let { start, end } = sorted[0] as ByteRange;
  for (const range of sorted) {
    if (range.start > end + 1) return undefined;
    start = Math.min(start, range.start);
    end = Math.max(end, range.end);
  }
  return { start, end };
}

/**
 * The first byte and the length that a chunk's `Content-Range` names: `<start>-<end>`, as the distribution spec writes it,
 * also with the unit and the size of HTTP (`bytes 0-99/*`).
 *
 * @throws {RangeInvalid}
 */
export function parseContentRange(
  header: string | undefined,
): { start: number; length: number } | undefined {
  if (header === undefined) return undefined;
  const [, first, last] =
    /^(?:bytes[ =])?(\d{1,15})-(\d{1,15})(?:\/(?:\d{1,15}|\*))?$/.exec(header) ?? [];
  const start = Number(first);
  const end = Number(last);
  if (first === undefined || end < start) {
    throw new RangeInvalid('Content-Range is not <start>-<end>', { range: header.slice(0, 100) });
  }
  return { start, length: end - start + 1 };
}
