/** Runs an action for each item, two at a time: there may be no more processors. */
export async function inTwos<T, R>(
  items: readonly T[],
  run: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) {
      results.push(await run(item));
    }
  };
  await Promise.all([worker(), worker()]);
  return results;
}
