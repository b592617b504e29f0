import { isUtf8 } from 'node:buffer';

import { ManifestInvalid } from './errors.js';

export const maximumDepth = 64;
export const maximumKeys = 100_000;

/**
 * Members whose second occurrence would let two readers see two manifests: JSON.parse takes the last, others the first,
 * and Go's encoding/json does not even care for case.
 */
const decisive = new Set([
  'annotations',
  'artifacttype',
  'blobs',
  'config',
  'data',
  'digest',
  'layers',
  'manifests',
  'mediatype',
  'platform',
  'schemaversion',
  'size',
  'subject',
  'urls',
]);
const longestDecisive = 16;

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/**
 * Looks over JSON text before it is parsed, in one pass and in bounded memory: `JSON.parse` has no limit of depth, rounds
 * integers beyond 2^53 silently, and lets the last of two equal members win.
 *
 * @throws {ManifestInvalid}
 */
export function scanJson(text: Uint8Array): void {
  if (!isUtf8(text)) throw new ManifestInvalid('manifest is not valid UTF-8');
  let depth = 0;
  let keys = 0;
  const seen: (Set<string> | undefined)[] = [];
  for (let index = 0; index < text.length; index++) {
    const byte = text[index] as number;
    switch (byte) {
      case quote: {
        const end = endOfString(text, index);
        if (isKey(text, end)) {
          if (++keys > maximumKeys) {
            throw new ManifestInvalid(`manifest has more than ${maximumKeys} members`);
          }
          if (end - index - 1 <= longestDecisive * 6) noteKey(text, index, end, seen, depth);
        }
        index = end;
        break;
      }
      case openBrace:
      case openBracket:
        if (++depth > maximumDepth) {
          throw new ManifestInvalid(`manifest is nested deeper than ${maximumDepth} levels`);
        }
        seen[depth] = undefined;
        break;
      case closeBrace:
      case closeBracket:
        depth--;
        break;
      default:
        if (byte >= 0x31 && byte <= 0x39) index = endOfNumber(text, index);
    }
  }
}

function endOfString(text: Uint8Array, start: number): number {
  for (let index = start + 1; ;) {
    const end = text.indexOf(quote, index);
    if (end < 0) throw new ManifestInvalid('manifest is not valid JSON: a string does not end');
    let slashes = 0;
    while (text[end - 1 - slashes] === backslash) slashes++;
    if (slashes % 2 === 0) return end;
    index = end + 1;
  }
}

function isKey(text: Uint8Array, endOfString: number): boolean {
  let index = endOfString + 1;
  while (isSpace(text[index])) index++;
  return text[index] === colon;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function noteKey(
  text: Uint8Array,
  start: number,
  end: number,
  seen: (Set<string> | undefined)[],
  depth: number,
): void {
  const key = decodeKey(Buffer.from(text.buffer, text.byteOffset + start, end - start + 1));
  if (!decisive.has(key)) return;
  const known = (seen[depth] ??= new Set());
  if (known.has(key)) {
    throw new ManifestInvalid('manifest has the same member twice', { member: key });
  }
  known.add(key);
}

function decodeKey(quoted: Buffer): string {
  const text = quoted.toString('utf8');
  if (!text.includes('\\')) return text.slice(1, -1).toLowerCase();
  try {
    return String(JSON.parse(text)).toLowerCase();
  } catch {
    return ''; // JSON.parse refuses the whole text later, with its own words.
  }
}

/** The index of the last character of a number that does not begin with 0. */
function endOfNumber(text: Uint8Array, start: number): number {
  let index = start;
  while (isNumberPart(text[index + 1])) index++;
  const digits = index - start + 1;
  if (digits >= 16) {
    const number = Buffer.from(
      text.buffer,
      text.byteOffset + start,
      Math.min(digits, 400),
    ).toString('latin1');
    if (!/[.eE]/.test(number) && !Number.isSafeInteger(Number(number))) {
      throw new ManifestInvalid('manifest has an integer beyond 2^53', {
        integer: number.slice(0, 40),
      });
    }
  }
  return index;
}

function isNumberPart(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    byte === 0x2e ||
    byte === 0x45 ||
    byte === 0x65 ||
    byte === 0x2b ||
    byte === 0x2d
  );
}
