/** Sorts by the bytes of the names. JavaScript compares UTF-16 units, which is another order where surrogates are. */
export function inByteOrder<T extends { readonly name: string }>(entries: T[]): T[] {
  const plain = entries.every(({ name }) => !/[\ud800-\uffff]/.test(name));
  return entries.sort(
    plain
      ? (a, b) => (a.name < b.name ? -1 : 1)
      : (a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
  );
}
