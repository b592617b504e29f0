/** Bytes; freeing a smaller chunk by hand costs more than it saves. */
const smallestGivenBack = 4096;

/**
 * Frees a chunk's memory now. Left to the collector, such chunks make it mark the whole heap for every few dozen MB of
 * them. A small chunk that shares its memory with others is left to it.
 */
export function giveBack({ buffer, byteLength }: Uint8Array): void {
  const isItsOwn = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength;
  if (isItsOwn && byteLength >= smallestGivenBack) buffer.transfer(0);
}
