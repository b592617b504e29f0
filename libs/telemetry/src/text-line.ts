import type { LogLevel } from './log-config.js';

const colours: Readonly<Record<LogLevel, string>> = {
  error: '\u001b[31m',
  warn: '\u001b[33m',
  info: '\u001b[32m',
  debug: '\u001b[36m',
};
const dim = '\u001b[2m';
const plain = '\u001b[0m';

/** A line for people: time, level, what happened, and its fields; calls of an error on indented lines below. */
export function textLine(
  time: Date,
  level: LogLevel,
  message: string,
  fields: Readonly<Record<string, unknown>>,
  colour: boolean,
): string {
  const label = level.toUpperCase().padEnd(5);
  let tail = '';
  let calls = '';
  for (const [name, value] of Object.entries(fields)) {
    tail += ` ${name}=${shown(value)}`;
    calls += callsOf(value);
  }
  if (!colour) return `${time.toISOString()} ${label} ${message}${tail}\n${calls}`;
  const clock = time.toISOString().slice(11, 23);
  return `${dim}${clock}${plain} ${colours[level]}${label}${plain} ${message}${dim}${tail}${plain}\n${calls}`;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
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
