/**
 * What happened, as named fields and a constant sentence. Values from outside may go into fields: they are cut, escaped
 * and stripped of credentials on their way out. They never go into the sentence.
 */
export type LogFields = Readonly<Record<string, unknown>>;

export abstract class Log {
  abstract error(fields: LogFields, message: string): void;
  abstract warn(fields: LogFields, message: string): void;
  abstract info(fields: LogFields, message: string): void;
  abstract debug(fields: LogFields, message: string): void;

  /** For fields that are costly to gather. */
  abstract readonly debugEnabled: boolean;

  /** A log that adds `fields` to every line; level and destination stay those of this one. */
  abstract child(fields: LogFields): Log;
}
