import { isUtf8 } from 'node:buffer';

import { ManifestInvalid } from './errors.js';

export const maximumDepth = 64;
/** Members of all objects together. */
export const maximumKeys = 100_000;
/** Elements, members and containers together: an index of 4 MiB needs 160,000. */
export const maximumEntries = 250_000;
/** Keys that are not written plainly cost ten times as much to read, and nobody writes many. */
export const maximumEscapedKeys = 10_000;

/**
 * Members whose second occurrence would let two readers see two manifests: JSON.parse takes the last, others the first,
 * and Go's encoding/json does not even care for case.
 */
const decisive = [
  'annotations',
  'artifactType',
  'blobs',
  'config',
  'data',
  'digest',
  'layers',
  'manifests',
  'mediaType',
  'platform',
  'schemaVersion',
  'size',
  'subject',
  'urls',
] as const;

type Member = (typeof decisive)[number];

interface Spelling {
  readonly member: Member;
  readonly folded: Buffer;
}

const byLength = Map.groupBy(
  decisive.map((member): Spelling => ({ member, folded: Buffer.from(member.toLowerCase()) })),
  ({ folded }) => folded.length,
);
const byFolded = new Map<string, Member>(decisive.map((name) => [name.toLowerCase(), name]));
/** Each character of a key may be written as `\uXXXX`. */
const longestEscaped = 6 * Math.max(...byLength.keys());

const quote = 0x22;
const comma = 0x2c;
const backslash = 0x5c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

export interface ScannedJson {
  /** A member of the outermost object that some readers take for one of another spelling, `Layers` for `layers`. */
  readonly lookalike: string | undefined;
}

/**
 * Looks over JSON text before it is parsed, in one pass and in bounded memory: `JSON.parse` has no limit of depth or of
 * time, rounds integers beyond 2^53 silently, and lets the last of two equal members win.
 *
 * @throws {ManifestInvalid}
 */
export function scanJson(text: Uint8Array): ScannedJson {
  if (!isUtf8(text)) throw new ManifestInvalid('manifest is not valid UTF-8');
  const members = new Members(text);
  let depth = 0;
  let keys = 0;
  let entries = 0;
  for (let index = 0; index < text.length; index++) {
    const byte = text[index] as number;
    switch (byte) {
      case quote: {
        const end = endOfString(text, index);
        if (isKey(text, end)) {
          if (++keys > maximumKeys) {
            throw new ManifestInvalid(`manifest has more than ${maximumKeys} members`);
          }
          members.note(index, end, depth);
        }
        index = end;
        break;
      }
      case openBrace:
      case openBracket:
        if (++depth > maximumDepth) {
          throw new ManifestInvalid(`manifest is nested deeper than ${maximumDepth} levels`);
        }
        members.open(depth, byte === openBrace);
        countEntry(++entries);
        break;
      case closeBrace:
      case closeBracket:
        if (--depth < 0) throw new ManifestInvalid('manifest is not valid JSON');
        break;
      case comma:
        members.next();
        countEntry(++entries);
        break;
      default:
        if (byte >= 0x30 && byte <= 0x39) index = endOfNumber(text, index);
    }
  }
  return { lookalike: members.lookalike };
}

function countEntry(entries: number): void {
  if (entries > maximumEntries) {
    throw new ManifestInvalid(`manifest has more than ${maximumEntries} values`);
  }
}

/** The decisive members of the objects that are open. */
class Members {
  lookalike: string | undefined;
  /** One bit for each decisive member that was seen, by depth. */
  readonly #seen = new Int32Array(maximumDepth + 1);
  /** Whether the object at a depth is a map of annotations: any key may stand in it. */
  readonly #isMap = new Uint8Array(maximumDepth + 1);
  #afterAnnotations = false;
  #escaped = 0;

  constructor(private readonly text: Uint8Array) {}

  open(depth: number, isObject: boolean): void {
    this.#seen[depth] = 0;
    this.#isMap[depth] = isObject && this.#afterAnnotations ? 1 : 0;
    this.#afterAnnotations = false;
  }

  next(): void {
    this.#afterAnnotations = false;
  }

  /** @throws {ManifestInvalid} if the object has this member already */
  note(start: number, end: number, depth: number): void {
    this.#afterAnnotations = false;
    if (this.#isMap[depth] === 1) return;
    const member = this.#isPlain(start, end)
      ? this.#plainMember(start, end)
      : this.#escapedMember(start, end);
    if (member === undefined) return;
    this.#afterAnnotations = member === 'annotations';
    const bit = 1 << decisive.indexOf(member);
    const seen = this.#seen[depth] ?? 0;
    if ((seen & bit) !== 0) {
      throw new ManifestInvalid('manifest has the same member twice', { member });
    }
    this.#seen[depth] = seen | bit;
    if (depth === 1 && this.#decoded(start, end) !== member) {
      this.lookalike ??= this.#decoded(start, end);
    }
  }

  #isPlain(start: number, end: number): boolean {
    if (end - start > longestEscaped) return true;
    for (let index = start + 1; index < end; index++) {
      const byte = this.text[index] as number;
      if (byte === backslash || byte >= 0x80) return false;
    }
    return true;
  }

  #plainMember(start: number, end: number): Member | undefined {
    const candidates = byLength.get(end - start - 1);
    if (candidates === undefined) return undefined;
    return candidates.find(({ folded }) => {
      for (let index = 0; index < folded.length; index++) {
        if (((this.text[start + 1 + index] as number) | 0x20) !== folded[index]) return false;
      }
      return true;
    })?.member;
  }

  #escapedMember(start: number, end: number): Member | undefined {
    if (++this.#escaped > maximumEscapedKeys) {
      throw new ManifestInvalid(`manifest has more than ${maximumEscapedKeys} escaped members`);
    }
    // What Go folds to a letter of these names besides its other case: U+017F, the long s.
    return byFolded.get(this.#decoded(start, end).toLowerCase().replaceAll('\u017f', 's'));
  }

  #decoded(start: number, end: number): string {
    const { buffer, byteOffset } = this.text;
    const quoted = Buffer.from(buffer, byteOffset + start, end - start + 1).toString('utf8');
    try {
      return String(JSON.parse(quoted));
    } catch {
      return ''; // JSON.parse refuses the whole text later, with its own words.
    }
  }
}

function endOfString(text: Uint8Array, start: number): number {
  const end = text.indexOf(quote, start + 1);
  if (end >= 0 && text[end - 1] !== backslash) return end;
  for (let index = start + 1; index < text.length; index++) {
    const byte = text[index];
    if (byte === quote) return index;
    if (byte === backslash) index++;
  }
  throw new ManifestInvalid('manifest is not valid JSON: a string does not end');
}

function isKey(text: Uint8Array, endOfString: number): boolean {
  let index = endOfString + 1;
  while (isSpace(text[index])) index++;
  return text[index] === colon;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** The index of the last character of a number. */
function endOfNumber(text: Uint8Array, start: number): number {
  let index = start;
  while (isNumberPart(text[index + 1])) index++;
  const digits = index - start + 1;
  if (digits >= 16) {
    const { buffer, byteOffset } = text;
    const number = Buffer.from(buffer, byteOffset + start, Math.min(digits, 400)).toString(
      'latin1',
    );
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
