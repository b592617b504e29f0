/**
 * What takes the place of a file where the store cannot compare and remove, but can compare and replace. It is a well-formed
 * link to a digest that nothing has, so that a registry to which the bucket is handed back finds an unknown manifest and
 * goes on; and as a link of that length is written by nobody here, the size alone tells of most files that they are none.
 */
export const removalMark = Buffer.from(`sha384:${'0'.repeat(96)}`);

export function mayBeMark(size: number): boolean {
  return size === removalMark.length;
}

export function isMark(content: Uint8Array): boolean {
  return removalMark.equals(content);
}
