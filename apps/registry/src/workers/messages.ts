/** What the primary tells a worker. It does nothing before `start`, for which the configuration must be good. */
export type Order = 'start' | 'reload' | 'stop';

/** What a worker tells the primary. */
export type Report =
  | { readonly kind: 'listening' }
  | { readonly kind: 'failed'; readonly reasons: readonly string[] }
  | { readonly kind: 'stopped'; readonly finished: boolean };

export function isOrder(message: unknown): message is Order {
  return message === 'start' || message === 'reload' || message === 'stop';
}

export function isReport(message: unknown): message is Report {
  return (
    typeof message === 'object' &&
    message !== null &&
    'kind' in message &&
    ['listening', 'failed', 'stopped'].includes(String(message.kind))
  );
}
