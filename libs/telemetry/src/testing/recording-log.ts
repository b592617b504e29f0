import type { LogLevel } from '../log-config.js';
import { Log } from '../log.js';
import type { LogFields } from '../log.js';

interface RecordedLine {
  readonly level: LogLevel;
  readonly fields: LogFields;
  readonly message: string;
}

/** Keeps what was logged, for tests that look at it and tests that want silence. */
export class RecordingLog extends Log {
  readonly debugEnabled = true;

  constructor(
    readonly lines: RecordedLine[] = [],
    private readonly fields: LogFields = {},
  ) {
    super();
  }

  error(fields: LogFields, message: string): void {
    this.record('error', fields, message);
  }

  warn(fields: LogFields, message: string): void {
    this.record('warn', fields, message);
  }

  info(fields: LogFields, message: string): void {
    this.record('info', fields, message);
  }

  debug(fields: LogFields, message: string): void {
    this.record('debug', fields, message);
  }

  child(fields: LogFields): RecordingLog {
    return new RecordingLog(this.lines, { ...this.fields, ...fields });
  }

  private record(level: LogLevel, fields: LogFields, message: string): void {
    this.lines.push({ level, fields: { ...this.fields, ...fields }, message });
  }
}
