/**
 * Sets how many blocking operations (files, password hashes) Node has under way at once. It has an effect in this process
 * only before the first of them, and in every process that is started from here. What the environment says stays.
 */
export function sizeThreadPool(threads: number): void {
  process.env['UV_THREADPOOL_SIZE'] ??= String(threads);
}
