/**
 * Does this for each, so many at a time, in their order. After one has failed no further one is begun, and those that
 * were are waited for, so that nothing goes on behind the error.
 */
export async function sideBySide<T, R>(
  items: readonly T[],
  atOnce: number,
  action: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const work = async () => {
    try {
      for (let index = next++; index < items.length; index = next++) {
        results[index] = await action(items[index] as T, index);
      }
    } catch (error) {
      next = items.length;
      throw error;
    }
  };
  const workers = Array.from({ length: Math.min(atOnce, items.length) }, work);
  const ended = await Promise.allSettled(workers);
  for (const worker of ended) if (worker.status === 'rejected') throw worker.reason;
  return results;
}
