import { createHash } from 'node:crypto';

/*
 * A block is known by its id within its blob, and all ids of a blob have one length. Ours say who staged it, so that blocks
 * of two writers of one blob never mix, and when its draft was begun, since the service does not tell.
 *
 *   bytes  0–5   when, in milliseconds since 1970
 *   bytes  6–15  the writer, hashed
 *   bytes 16–19  the number of the piece
 */

/** What the ids of one draft's blocks have in common. */
export function draftId(writer: string, now: number): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(now, 0, 6);
  createHash('sha256').update(writer).digest().copy(bytes, 6, 0, 10);
  return bytes.toString('hex');
}

export function blockId(draft: string, number: number): string {
  const bytes = Buffer.alloc(20);
  bytes.write(draft, 'hex');
  bytes.writeUInt32BE(number, 16);
  return bytes.toString('base64');
}

/** When the draft of a block was begun; undefined if the id is none of ours. */
export function blockTime(id: string): number | undefined {
  const bytes = Buffer.from(id, 'base64');
  return bytes.length === 20 ? bytes.readUIntBE(0, 6) : undefined;
}
