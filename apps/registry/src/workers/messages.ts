import type { ConfigSource } from '#config/load-config.js';

/** The configurations that the primary took, so that all workers go by the same ones, whatever became of the file. */
export interface Accepted {
  /** Undefined: there is no file. */
  readonly started: ConfigSource | undefined;
  /** What was read again since. */
  readonly now: ConfigSource | undefined;
}

/** What the primary tells a worker. It does nothing before `start`, for which the configuration must be good. */
export type Order =
  | { readonly kind: 'start' | 'reload'; readonly accepted: Accepted }
  | { readonly kind: 'stop' };

/** What a worker tells the primary. */
export type Report =
  | { readonly kind: 'listening' }
  | { readonly kind: 'failed'; readonly reasons: readonly string[] }
  | { readonly kind: 'stopped'; readonly finished: boolean };

export function isOrder(message: unknown): message is Order {
  return isOfKind(message, ['start', 'reload', 'stop']);
}

export function isReport(message: unknown): message is Report {
  return isOfKind(message, ['listening', 'failed', 'stopped']);
}

function isOfKind(message: unknown, kinds: readonly string[]): boolean {
  return (
    typeof message === 'object' &&
    message !== null &&
    'kind' in message &&
    kinds.includes(String(message.kind))
  );
}
