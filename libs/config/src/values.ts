import { validateHeaderName, validateHeaderValue } from 'node:http';

import { z } from 'zod';

import { parseDuration } from './duration.js';
import { documented } from './key-docs.js';
import { Secret } from './secret.js';
import { parseSize } from './size.js';
import { truths } from './truths.js';

/*
 * The values that keys take. The file and the environment both give text, so each accepts the text as well as the value.
 *
 *   age: duration({ min: 0 }).prefault('168h').describe('Uploads older than this are removed.'),
 *   maxthreads: integer({ min: 25 }).default(100).describe('…'),
 *
 * `.prefault` takes the default as the file would say it, `.default` the finished value; durations and sizes use the first.
 * A key without either, and without `.optional()`, must be set. Status of a key: `ours`, `ignored`, `refused` in key-docs.
 */

interface Bounds {
  readonly min?: number;
  readonly max?: number;
}

/** Milliseconds, from Go's notation: `10s`, `168h`, `1h30m`; a bare number counts nanoseconds. `min`, `max`: milliseconds. */
export function duration(bounds: Bounds = {}) {
  const schema = numeric(
    parseDuration,
    'a duration such as 10s, 168h or 1h30m',
    bounds,
    (ms) => `${ms} ms`,
  );
  return documented(schema, { kind: 'duration' });
}

/** Bytes: `10MB` (as Distribution means it: 10 × 1024 × 1024), `64KiB`, `5242880`. */
export function size(bounds: Bounds = {}) {
  const schema = numeric(
    parseSize,
    'a size such as 10MB, 64KiB or 5242880',
    bounds,
    (bytes) => `${bytes} bytes`,
  );
  return documented(schema, { kind: 'size' });
}

export function integer(bounds: Bounds = {}) {
  return documented(numeric(parseInteger, 'a whole number', bounds, String), { kind: 'integer' });
}

export function bool() {
  const schema = z.union([z.boolean(), z.string()]).transform((value, context) => {
    const truth = typeof value === 'boolean' ? value : truths.get(value);
    if (truth === undefined) return refuse(context, 'expected true or false');
    return truth;
  });
  return documented(schema, { kind: 'boolean' });
}

/** One of several words, in any letter case. */
export function oneOf<const Word extends string>(...words: readonly Word[]) {
  const schema = z.string().transform((value, context) => {
    const word = words.find((known) => known.toLowerCase() === value.toLowerCase());
    return word ?? refuse(context, `expected one of ${words.join(', ')}`);
  });
  return documented(schema, { kind: 'word', words });
}

/** A regular expression in the syntax that Go and JavaScript share, with Go's leading `(?i)`. */
export function pattern() {
  const schema = z.string().transform((value, context) => {
    const ignoreCase = value.startsWith('(?i)');
    try {
      return new RegExp(ignoreCase ? value.slice(4) : value, ignoreCase ? 'iu' : 'u');
    } catch {
      return refuse(context, 'expected a regular expression');
    }
  });
  return documented(schema, { kind: 'pattern' });
}

/** Text that is not empty. */
export function text() {
  return documented(z.string().min(1), { kind: 'text' });
}

/** Text that never reaches a log, an error message or `config print`. */
export function secret() {
  const schema = z
    .string()
    .min(1)
    .transform((value) => new Secret(value));
  return documented(schema, { kind: 'secret' });
}

/** Names and values of HTTP headers; a name may come with one value or a list of them. */
export function headers() {
  return documented(headerMap(String), { kind: 'headers' });
}

/** Headers that may carry credentials: their values are masked wherever they would show. */
export function secretHeaders() {
  return documented(
    headerMap((value) => new Secret(value)),
    { kind: 'secret headers' },
  );
}

/** Anything at all: for what is known only by name. */
export function free() {
  return documented(z.unknown(), { kind: 'free' });
}

/** A part of the file that has keys of its own, is always there, and takes each default of its keys. */
export function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  return z.strictObject(shape).prefault(() => ({}) as never);
}

function headerMap<Value>(valueOf: (text: string) => Value) {
  return z
    .record(z.string(), z.union([z.string(), z.array(z.string())]))
    .superRefine((map, context) => {
      for (const [name, value] of Object.entries(map)) {
        const message = headerProblem(name, [value].flat());
        if (message !== undefined) context.addIssue({ code: 'custom', path: [name], message });
      }
    })
    .transform((map): Readonly<Record<string, readonly Value[]>> =>
      Object.fromEntries(
        Object.entries(map).map(([name, value]) => [name, [value].flat().map(valueOf)]),
      ),
    );
}

/** Why no message could be sent with it; values may be secret, and are not told. */
function headerProblem(name: string, values: readonly string[]): string | undefined {
  if (/^(content-length|transfer-encoding)$/i.test(name))
    return 'expected another header: each message has its own';
  try {
    validateHeaderName(name);
  } catch {
    return 'expected a name that a header can have';
  }
  try {
    for (const value of values) validateHeaderValue(name, value);
  } catch {
    return 'expected a value that a header can have, without line breaks';
  }
  return undefined;
}

function numeric(
  parse: (text: string) => number | undefined,
  what: string,
  { min, max }: Bounds,
  show: (value: number) => string,
) {
  return z.union([z.string(), z.number()]).transform((value, context) => {
    const number = parse(String(value));
    if (number === undefined) return refuse(context, `expected ${what}`);
    if (min !== undefined && number < min) {
      return refuse(context, `expected ${what}, at least ${show(min)}`);
    }
    if (max !== undefined && number > max) {
      return refuse(context, `expected ${what}, at most ${show(max)}`);
    }
    return number;
  });
}

function parseInteger(text: string): number | undefined {
  const number = /^[+-]?\d{1,16}$/.test(text) ? Number(text) : undefined;
  return number !== undefined && Number.isSafeInteger(number) ? number : undefined;
}

function refuse(context: z.core.$RefinementCtx, message: string): never {
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
}
