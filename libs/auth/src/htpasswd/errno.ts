/** The system's name of a failure, such as `ENOENT`. Errors of Node's own modules may come from another realm than `Error` here. */
export function errnoOf(error: unknown): string | undefined {
  return typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    typeof error.code === 'string'
    ? error.code
    : undefined;
}
