import { z } from 'zod';

import { truths } from './truths.js';

/** What a key's value looks like in the file; chooses how it is documented, printed and masked. */
export type ValueKind =
  | 'text'
  | 'boolean'
  | 'integer'
  | 'duration'
  | 'size'
  | 'word'
  | 'pattern'
  | 'secret'
  | 'headers'
  | 'secret headers'
  | 'free';

export interface KeyDoc {
  readonly kind?: ValueKind;
  /** What a `word` may be. */
  readonly words?: readonly string[];
  /** Not one of Distribution's keys. */
  readonly ours?: true;
  /** Known, taken, and without effect: a warning says what happens instead. */
  readonly ignored?: string;
  /** Known, and the server does not start with it: the reason. */
  readonly refused?: string;
  /** Known, and changes nothing that anybody could miss: no warning, a word in the documentation. */
  readonly moot?: string;
  /** An older name of something: obeyed, with a warning. */
  readonly outdated?: string;
  /** Values for which `ignored` and `refused` do not apply, such as a section that is switched off. */
  readonly harmless?: (value: unknown) => boolean;
  /** What `harmless` leaves over, in words, where it is part of the values: "with `redis`". */
  readonly only?: string;
  /** One of several sections that exclude each other; a plain name in place of the section chooses it. */
  readonly choice?: true;
  /** Can change while the process runs, when it is told to read its configuration again. */
  readonly live?: true;
  /** Distribution's name of the key in variables, where it is not the one in the file. */
  readonly variable?: string;
  /** The default in words, where it is not a constant. */
  readonly otherwise?: string;
}

/**
 * What is known about a key besides its type. The meaning itself is the schema's `.describe('…')`.
 * Both may sit on any layer of the schema: inside or outside `.default()`, `.prefault()` and `.optional()`.
 */
export const keyDocs = z.registry<KeyDoc>();

/** One of our own keys. */
export function ours<T extends z.ZodType>(schema: T, doc: KeyDoc = {}): T {
  return documented(schema, { ...doc, ours: true });
}

/** A known key that does nothing (yet). `instead` completes the sentence "KEY is not supported: …". */
export function ignored<T extends z.ZodType>(schema: T, instead: string, doc: KeyDoc = {}): T {
  return documented(schema, { ...doc, ignored: instead });
}

/** A known key that tunes what is not there to be tuned. `because` completes "KEY has no effect: …". */
export function moot<T extends z.ZodType>(schema: T, because: string): T {
  return documented(schema, { moot: because });
}

/** A known key that we cannot honour and dare not ignore. `because` completes the sentence "KEY is refused: …". */
export function refused<T extends z.ZodType>(schema: T, because: string, doc: KeyDoc = {}): T {
  return documented(schema, { ...doc, refused: because });
}

/** A key that a running process obeys when it reads its configuration again. */
export function live<T extends z.ZodType>(schema: T): T {
  return documented(schema, { live: true });
}

/** A key from older files that still works. `hint` completes the sentence "KEY is outdated: …". */
export function outdated<T extends z.ZodType>(schema: T, hint: string): T {
  return documented(schema, { outdated: hint });
}

/** One of the sections of which a configuration chooses exactly one (`storage.filesystem`, `auth.htpasswd`). */
export function choice<T extends z.ZodType>(schema: T): T {
  return documented(schema, { choice: true });
}

export function documented<T extends z.ZodType>(schema: T, doc: KeyDoc): T {
  keyDocs.add(schema, { ...keyDocs.get(schema), ...doc });
  return schema;
}

/** For `harmless`: every entry of the list says `disabled: true`. */
export function allDisabled(entries: unknown): boolean {
  return Array.isArray(entries) && entries.every((entry) => isOn(field(entry, 'disabled')));
}

/** For `harmless`: the section says `enabled: false`, or does not say `enabled: true`. */
export function notEnabled(part: unknown): boolean {
  return !isOn(field(part, 'enabled'));
}

/** For `harmless`: the section does not say `name`. */
export function lacks(name: string): (part: unknown) => boolean {
  return (part) => field(part, name) === undefined;
}

/** For `harmless`: the switch is off. */
export function isOff(value: unknown): boolean {
  return !isOn(value);
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function isOn(value: unknown): boolean {
  return value === true || (typeof value === 'string' && truths.get(value) === true);
}
