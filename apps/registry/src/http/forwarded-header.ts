/** The parameters of one element of a `Forwarded` header, by lower-case name (RFC 7239 §4). */
export type ForwardedElement = ReadonlyMap<string, string>;

/**
 * The first element of a `Forwarded` header: the one that the proxy nearest to the client wrote.
 * Undefined where that element is malformed or names a parameter twice. One pass by hand; quoted strings are
 * read before anything is split, so that a `;` or `,` inside quotes smuggles no parameter.
 */
export function parseForwarded(text: string): ForwardedElement | undefined {
  const parameters = new Map<string, string>();
  let index = skipSpace(text, 0);
  while (index < text.length && text[index] !== ',') {
    if (text[index] === ';') {
      index = skipSpace(text, index + 1);
      continue;
    }
    const pair = readPair(text, index);
    if (pair === undefined || parameters.has(pair.name)) return undefined;
    parameters.set(pair.name, pair.value);
    index = skipSpace(text, pair.end);
    if (index < text.length && text[index] !== ';' && text[index] !== ',') return undefined;
  }
  return parameters;
}

interface Read<Value> {
  readonly value: Value;
  readonly end: number;
}

function readPair(text: string, start: number): (Read<string> & { name: string }) | undefined {
  const equals = skipToken(text, start);
  if (equals === start || text[equals] !== '=') return undefined;
  const value =
    text[equals + 1] === '"' ? readQuoted(text, equals + 1) : readToken(text, equals + 1);
  if (value === undefined) return undefined;
  return { name: text.slice(start, equals).toLowerCase(), ...value };
}

function readToken(text: string, start: number): Read<string> | undefined {
  const end = skipToken(text, start);
  return end === start ? undefined : { value: text.slice(start, end), end };
}

/** A quoted string at `start`, which is its opening quote. */
function readQuoted(text: string, start: number): Read<string> | undefined {
  let value = '';
  for (let index = start + 1; index < text.length; index++) {
    const char = text[index];
    if (char === '"') return { value, end: index + 1 };
    if (char === '\\') index++;
    if (index < text.length) value += text[index];
  }
  return undefined;
}

function skipSpace(text: string, start: number): number {
  let index = start;
  while (text[index] === ' ' || text[index] === '\t') index++;
  return index;
}

function skipToken(text: string, start: number): number {
  let index = start;
  while (index < text.length && tokenCharacters[text.charCodeAt(index)] === 1) index++;
  return index;
}

/** `tchar` of RFC 9110 §5.6.2. */
const tokenCharacters = new Uint8Array(128);
for (const char of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  tokenCharacters[char.charCodeAt(0)] = 1;
}
