import { isatty } from 'node:tty';

import { destination as fileDescriptor, pino } from 'pino';

import type { LogConfig, LogLevel } from './log-config.js';
import { Log } from './log.js';
import type { LogFields } from './log.js';
import { printableFields } from './printable.js';
import { textFields, textLine } from './text-line.js';

interface LogDestination {
  write(line: string): unknown;
  flushSync?(): void;
}

interface LogOptions {
  readonly destination?: LogDestination;
  readonly colour?: boolean;
  readonly now?: () => Date;
}

type Settings = Pick<LogConfig, 'formatter' | 'fields'> & { readonly level: LogLevel };
type Fields = Record<string, unknown>;
type Writer = (level: LogLevel, fields: Fields, message: string) => void;
/** Makes the writer of lines that all have `fields`, which are worked out once. */
type Bind = (fields: Fields) => Writer;

const ranks: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** The log of a process. Its level can be changed while it runs, for all its children too. */
export class ProcessLog extends Log {
  readonly #sink: Sink;
  readonly #fields: LogFields;
  readonly #writer: Writer;

  private constructor(sink: Sink, fields: LogFields) {
    super();
    this.#sink = sink;
    this.#fields = fields;
    this.#writer = sink.bind(printableFields(fields));
  }

  static create(settings: Settings, options: LogOptions = {}): ProcessLog {
    const destination = options.destination ?? standardOutput();
    const bind = binder(settings, destination, options);
    const sink = { rank: ranks[settings.level], level: settings.level, bind, destination };
    return new ProcessLog(sink, settings.fields);
  }

  get level(): LogLevel {
    return this.#sink.level;
  }

  set level(level: LogLevel) {
    this.#sink.level = level;
    this.#sink.rank = ranks[level];
  }

  get debugEnabled(): boolean {
    return this.#sink.rank === ranks.debug;
  }

  error(fields: LogFields, message: string): void {
    this.#write('error', fields, message);
  }

  warn(fields: LogFields, message: string): void {
    if (this.#sink.rank <= ranks.warn) this.#write('warn', fields, message);
  }

  info(fields: LogFields, message: string): void {
    if (this.#sink.rank <= ranks.info) this.#write('info', fields, message);
  }

  debug(fields: LogFields, message: string): void {
    if (this.#sink.rank <= ranks.debug) this.#write('debug', fields, message);
  }

  child(fields: LogFields): ProcessLog {
    return new ProcessLog(this.#sink, { ...this.#fields, ...fields });
  }

  /** Waits until what was logged has left the process. For the end of it; nothing is lost in between. */
  flush(): void {
    this.#sink.destination.flushSync?.();
  }

  #write(level: LogLevel, fields: LogFields, message: string): void {
    this.#writer(level, printableFields(fields), message);
  }
}

interface Sink {
  rank: number;
  level: LogLevel;
  readonly bind: Bind;
  readonly destination: LogDestination;
}

function binder(settings: Settings, destination: LogDestination, options: LogOptions): Bind {
  const timestamp = cachedTimestamp(options.now ?? (() => new Date()));
  switch (settings.formatter) {
    case 'text': {
      const colour = options.colour ?? (options.destination === undefined && isatty(1));
      return (own) => {
        const always = textFields(own);
        return (level, fields, message) => {
          const parts = [always, textFields(fields)];
          destination.write(textLine(timestamp(), level, message, parts, colour));
        };
      };
    }
    case 'json':
      return structured('msg', () => `,"time":"${timestamp()}"`, destination);
    case 'logstash':
      return structured(
        'message',
        () => `,"@timestamp":"${timestamp()}","@version":"1"`,
        destination,
      );
  }
}

/** Lines of the same millisecond share the work of writing down the time. */
function cachedTimestamp(now: () => Date): () => string {
  let last = NaN;
  let text = '';
  return () => {
    const time = now();
    if (time.getTime() !== last) {
      last = time.getTime();
      text = time.toISOString();
    }
    return text;
  };
}

function structured(
  messageKey: string,
  timestamp: () => string,
  destination: LogDestination,
): Bind {
  const lines = pino(
    {
      base: null,
      level: 'debug',
      messageKey,
      timestamp,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line) => void destination.write(line) },
  );
  const own = new Set(['level', 'time', '@timestamp', '@version', messageKey]);
  return (always) => (level, fields, message) => {
    const all: Fields = { ...always, ...fields };
    for (const name of own) {
      if (!(name in all)) continue;
      all[`fields.${name}`] = all[name];
      delete all[name];
    }
    lines[level](all, message);
  };
}

/**
 * Written behind the caller's back, one `write` per 4 KiB at most: that much goes into a pipe in one piece, so that the
 * lines of several processes do not mix. A reader that stalls costs 4 MiB of memory and then lines, never the server.
 */
function standardOutput(): LogDestination {
  const stream = fileDescriptor({ dest: 1, sync: false, maxWrite: 4096, maxLength: 4 * 1024 ** 2 });
  stream.on('error', () => {
    // Nowhere is left to tell it; a full disk below the log must not stop the registry.
  });
  return stream;
}
