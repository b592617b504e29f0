/**
 * The value of a promise, or `late`. An answer that has arrived counts even where a busy process looks at it too late:
 * sockets are read once more before it is given up.
 */
export function within<T>(
  milliseconds: number,
  promise: Promise<T> | T,
): Promise<{ readonly value: T } | 'late'> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => setImmediate(resolve, 'late'), milliseconds);
    Promise.resolve(promise).then(
      (value) => {
        clearTimeout(timer);
        resolve({ value });
      },
      (error: unknown) => {
        clearTimeout(timer);
        reject(error);
      },
    );
  });
}
