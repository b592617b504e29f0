import { createHash } from 'node:crypto';

import type { StorageDriver } from '#storage/storage-driver.js';
import { Seeded } from '#storage/testing/seeded.js';
import {
  PartsClaimed,
  type PartWriter,
  SessionEnded,
  type UploadedParts,
} from '#storage/upload-area.js';

/** What a client was told: so many bytes are there, and these are they. */
interface Acknowledged {
  readonly parts: UploadedParts | undefined;
  readonly bytes: Buffer;
}

export interface InterleavingCounts {
  commits: number;
  refusals: number;
}

/**
 * Several requests on one upload session, through several processes' eyes. Each takes any state that was ever acknowledged,
 * writes, and ends in any way; it names a blob by the digest of the bytes that it knows itself, without reading them again.
 */
export async function interleave(
  drivers: readonly StorageDriver[],
  seed: number,
  counts: InterleavingCounts,
): Promise<void> {
  const session = `session${seed}`;
  const states: Acknowledged[] = [{ parts: undefined, bytes: Buffer.alloc(0) }];
  const request = async (index: number): Promise<void> => {
    const random = new Seeded(seed * 100 + index);
    await random.pause();
    const driver = random.pick(drivers);
    try {
      if (random.below(12) === 0) return await driver.uploads.end(session);
      const state = random.pick(states.slice(-3));
      if (random.below(4) === 0) return await complete(driver, session, state, counts);
      const [writer, begun] = await take(driver, session, state, random);
      const bytes = await write(writer, begun, random);
      await random.pause();
      const ending = random.below(4);
      if (ending === 0) return await writer.abandon();
      if (ending === 1) {
        await writer.commit(blobPath(bytes), []);
        counts.commits += 1;
      } else states.push({ parts: await writer.finish(), bytes });
      // The request is late: it goes on writing though it has ended.
      await writer.write(Buffer.from('LATE'))?.catch(() => undefined);
    } catch (error) {
      if (!(error instanceof PartsClaimed || error instanceof SessionEnded)) throw error;
      counts.refusals += 1;
    }
  };
  await request(0);
  await Promise.all([1, 2, 3, 4].map(request));
  await Promise.all([5, 6].map(request));
}

/** A request that brings no bytes: the client knows what the blob is made of. */
async function complete(
  driver: StorageDriver,
  session: string,
  { parts, bytes }: Acknowledged,
  counts: InterleavingCounts,
): Promise<void> {
  const destination = blobPath(bytes);
  const writer = await driver.uploads.claim(session, parts, { complete: true, destination });
  await writer.commit(destination, []);
  counts.commits += 1;
}

function blobPath(bytes: Buffer): string {
  const hex = createHash('sha256').update(bytes).digest('hex');
  return `/docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`;
}

/** The line of a state or, as a status request gives it, what there is. */
async function take(
  driver: StorageDriver,
  session: string,
  state: Acknowledged,
  random: Seeded,
): Promise<[PartWriter, Buffer]> {
  if (random.below(3) > 0) return [await driver.uploads.claim(session, state.parts), state.bytes];
  const found = await driver.uploads.find(session);
  if (found === undefined) throw new PartsClaimed(session);
  const writer = found.claimed
    ? await driver.uploads.recover(session, found.parts)
    : await driver.uploads.claim(session, found.parts);
  const chunks: Buffer[] = [];
  for await (const chunk of writer.read()) chunks.push(Buffer.from(chunk));
  return [writer, Buffer.concat(chunks)];
}

async function write(writer: PartWriter, begun: Buffer, random: Seeded): Promise<Buffer> {
  const chunks = [begun];
  for (let count = random.below(4); count >= 0; count--) {
    const chunk = random.bytes(1 + random.below(200));
    chunks.push(chunk);
    await writer.write(Buffer.from(chunk)); // What is written is the writer's.
    await random.pause();
  }
  return Buffer.concat(chunks);
}
