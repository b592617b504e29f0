const mask = '******';
const longestValue = 1024;
const deepest = 4;
const mostEntries = 50;

/** Names under which credentials travel, whatever part of a request or configuration they came from. */
const maskedNames = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'password',
  'secret',
  'token',
  'access_token',
  'refresh_token',
  'x-docker-token',
  '_state',
]);

const userinfo = /(:\/\/)[^\s/?#]*@/g;
const queryValue =
  /((?:^|[?&;\s"'])(?:(?:_|%5f)state|x-(?:amz|goog)-(?:signature|credential|security-token)|sig|signature|token|access_token|refresh_token|password|secret)=)[^&;\s"'#]*/gi;
const credentials = /\b(Basic|Bearer|Negotiate)\s+[\w+/=.~-]+/gi;
// Control characters, line separators, and marks that turn the direction of text.
const unprintable = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/** ASCII in which nothing has to be cut, escaped or masked: most of what is logged. */
const harmless = /^[!-<>-?A-~]{0,1024}$/;

/** Other texts that turned out to need nothing, such as the clients' names for themselves. */
const seenTexts = new Set<string>();

/** Text as it may stand in a line of the log: of bounded length, without control characters, without credentials. */
function printableText(text: string): string {
  if (harmless.test(text) || seenTexts.has(text)) return text;
  const cut =
    text.length > longestValue
      ? `${text.slice(0, longestValue)}…(${text.length} characters)`
      : text;
  const printed = withoutCredentials(cut).replace(
    unprintable,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  if (printed === text && text.length < 200) {
    if (seenTexts.size >= 500) seenTexts.clear();
    seenTexts.add(text);
  }
  return printed;
}

/** The same text with passwords in URLs, signatures and states in queries, and `Authorization` values masked. */
export function withoutCredentials(text: string): string {
  let result = text;
  if (text.includes('@')) result = result.replace(userinfo, `$1${mask}@`);
  if (text.includes('=')) result = result.replace(queryValue, `$1${mask}`);
  if (text.includes(' ')) result = result.replace(credentials, `$1 ${mask}`);
  return result;
}

interface FieldName {
  readonly printed: string;
  readonly masked: boolean;
}

/** Names come from code and configuration, so they are few; what exceeds the bound is worked out each time. */
const seenNames = new Map<string, FieldName>();

function fieldName(name: string): FieldName {
  const seen = seenNames.get(name);
  if (seen !== undefined) return seen;
  const judged = { printed: printableText(name), masked: maskedNames.has(name.toLowerCase()) };
  if (seenNames.size < 1000 && name.length < 100) seenNames.set(name, judged);
  return judged;
}

/** The fields of a line, made of nothing but printable text, numbers, booleans, lists and records. */
export function printableFields(fields: object): Record<string, unknown> {
  return printableEntries(fields, Infinity, 0);
}

function printableEntries(fields: object, most: number, depth: number): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  let count = 0;
  for (const name of Object.keys(fields)) {
    const value: unknown = Reflect.get(fields, name);
    if (value === undefined) continue;
    if (++count > most) break;
    const { printed, masked } = fieldName(name);
    result[printed] = masked ? mask : printable(value, depth);
  }
  return result;
}

function printable(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      return printableText(value);
    case 'number':
    case 'boolean':
      return value;
    case 'bigint':
      return value.toString();
    case 'object':
      return value === null ? null : printableObject(value, depth);
    case 'undefined':
    case 'function':
    case 'symbol':
      return undefined;
  }
}

function printableObject(value: object, depth: number): unknown {
  if (value instanceof Error) return printableError(value, depth);
  if (depth >= deepest) return '…';
  if (Array.isArray(value)) {
    return value.slice(0, mostEntries).map((entry) => printable(entry, depth + 1));
  }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  // Digests, names, secrets and URLs know how they print.
  const print: unknown = Reflect.get(value, 'toString');
  if (typeof print === 'function' && print !== Object.prototype.toString) {
    return printableText(`${print.call(value)}`);
  }
  return printableEntries(value, mostEntries, depth + 1);
}

function printableError(error: Error, depth: number): Record<string, unknown> {
  return {
    type: error.name,
    message: printableText(error.message),
    ...('code' in error && { code: printable(error.code, depth + 1) }),
    ...(error.stack !== undefined && { stack: printableStack(error.stack) }),
    ...(error.cause !== undefined &&
      depth < deepest && { cause: printable(error.cause, depth + 1) }),
  };
}

/** The calls without the message, which `message` holds already and which may have any number of lines. */
function printableStack(stack: string): readonly string[] {
  const calls = stack.split('\n').filter((line) => /^\s+at /.test(line));
  return calls.slice(0, 20).map((line) => printableText(line.trim()));
}
