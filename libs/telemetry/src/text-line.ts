import type { LogLevel } from './log-config.js';

const colours: Readonly<Record<LogLevel, string>> = {
  error: '\u001b[31m',
  warn: '\u001b[33m',
  info: '\u001b[32m',
  debug: '\u001b[36m',
};
const labels: Readonly<Record<LogLevel, string>> = {
  error: 'ERROR',
  warn: 'WARN ',
  info: 'INFO ',
  debug: 'DEBUG',
};
const dim = '\u001b[2m';
const plain = '\u001b[0m';

/** A line for people: time, level, what happened, and its fields; calls of an error on indented lines below. */
export function textLine(
  time: string,
  level: LogLevel,
  message: string,
  fields: readonly TextFields[],
  colour: boolean,
): string {
  const tail = fields.map((part) => part.tail).join('');
  const calls = fields.map((part) => part.calls).join('');
  if (!colour) return `${time} ${labels[level]} ${message}${tail}\n${calls}`;
  const clock = time.slice(11, 23);
  return `${dim}${clock}${plain} ${colours[level]}${labels[level]}${plain} ${message}${dim}${tail}${plain}\n${calls}`;
}

/** Fields as they follow the message, and the calls of errors among them. */
export interface TextFields {
  readonly tail: string;
  readonly calls: string;
}

export function textFields(fields: Readonly<Record<string, unknown>>): TextFields {
  let tail = '';
  let calls = '';
  for (const [name, value] of Object.entries(fields)) {
    tail += ` ${name}=${shown(value)}`;
    if (typeof value === 'object') calls += callsOf(value);
  }
  return { tail, calls };
}

function shown(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number') return String(value);
  if (isError(value)) {
    const { stack: _, ...rest } = value;
    const more = Object.keys(rest).length > 2 ? ` ${JSON.stringify(rest)}` : '';
    return quoted(`${value.type}: ${value.message}`) + more;
  }
  return JSON.stringify(value) ?? 'null';
}

function quoted(text: string): string {
  return /^[^\s"=]+$/.test(text) ? text : `"${text.replaceAll('"', '\\"')}"`;
}

function callsOf(value: unknown): string {
  return isError(value) ? value.stack.map((call) => `    ${call}\n`).join('') : '';
}

interface PrintedError {
  readonly type: string;
  readonly message: string;
  readonly stack: readonly string[];
}

function isError(value: unknown): value is PrintedError {
  return (
    typeof value === 'object' && value !== null && 'stack' in value && Array.isArray(value.stack)
  );
}
