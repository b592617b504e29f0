import { isNativeError } from 'node:util/types';

/** What a server that answers with an error has to say: the first word, such as `OOM` or `READONLY`. */
export function replyErrorKind(error: unknown): string | undefined {
  if (!isNativeError(error) || error.name !== 'ReplyError') return undefined;
  return /^[A-Z]{2,20}\b/.exec(error.message)?.[0] ?? 'ERR';
}

/** After these nothing else would be answered either, so that asking on is in vain. */
const useless = new Set(['LOADING', 'NOAUTH', 'WRONGPASS', 'MASTERDOWN', 'CLUSTERDOWN', 'BUSY']);

export function meansAway(kind: string): boolean {
  return useless.has(kind);
}

/**
 * Why something failed, in one line. Only the message: what else is in errors of the client are the arguments of the command,
 * a password among them.
 */
export function reasonOf(error: unknown): string {
  if (!isNativeError(error)) return 'unknown';
  // Of a name with several addresses: none of them can be reached.
  const [first]: unknown[] = 'errors' in error && Array.isArray(error.errors) ? error.errors : [];
  return first === undefined ? error.message || error.name : reasonOf(first);
}
