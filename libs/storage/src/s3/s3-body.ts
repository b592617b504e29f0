import { createHash, subtle } from 'node:crypto';
import { Readable } from 'node:stream';

import { BrokenOff } from '../bucket/broken-off.js';
import { md5Of } from '../bucket/content-hash.js';
import type { ObjectBody } from '../bucket/object-store.js';
import type { Attempt } from '../bucket/retries.js';
import type { BodyHashes } from './s3-headers.js';

/** Above this a hash is made on another thread, and a body is sent in slices. */
const slice = 256 * 1024;

/** What the service is to compare the bytes with. The SHA-256 is part of the signature. */
export async function hashesOf(body: ObjectBody, withMd5: boolean): Promise<BodyHashes> {
  return {
    sha256: await sha256Of(body),
    ...(withMd5 && { md5: (await md5Of(body)).toString('base64') }),
  };
}

async function sha256Of(body: ObjectBody): Promise<string> {
  if (body.look !== undefined) {
    const hash = createHash('sha256');
    for await (const chunk of body.look()) hash.update(chunk);
    return hash.digest('hex');
  }
  const content = body.open();
  if (content instanceof Uint8Array) {
    if (content.length <= slice) return createHash('sha256').update(content).digest('hex');
    const hash = await subtle.digest('SHA-256', content as Uint8Array<ArrayBuffer>);
    return Buffer.from(hash).toString('hex');
  }
  const hash = createHash('sha256');
  for await (const chunk of content as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.digest('hex');
}

/** Sends a body; the time of the attempt begins again with each slice of it. */
export async function sending<T>(
  body: ObjectBody,
  attempt: Attempt,
  send: (content: Uint8Array | Readable) => Promise<T>,
): Promise<T> {
  const content = body.open();
  if (content instanceof Uint8Array && content.length <= slice) return send(content);
  const stream =
    content instanceof Uint8Array
      ? Readable.from(slicesOf(content, attempt), { objectMode: false, highWaterMark: slice })
      : content.on('data', () => attempt.alive()).pause();
  stream.on('error', () => undefined);
  try {
    return await send(stream);
  } finally {
    stream.destroy();
  }
}

function* slicesOf(content: Uint8Array, attempt: Attempt): Iterable<Uint8Array> {
  for (let start = 0; start < content.length; start += slice) {
    attempt.alive();
    yield content.subarray(start, start + slice);
  }
}

/** @throws {BrokenOff} if it is not as long as was said */
export async function readBody(
  stream: Readable,
  size: number,
  attempt: Attempt,
): Promise<Buffer<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  const stop = () => stream.destroy(new BrokenOff('the storage stopped sending'));
  attempt.signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      attempt.alive();
      chunks.push(chunk);
    }
  } catch (error) {
    throw new BrokenOff('an answer that breaks off', { cause: error });
  } finally {
    attempt.signal.removeEventListener('abort', stop);
  }
  const content = Buffer.concat(chunks);
  if (content.length !== size) throw new BrokenOff('an answer that is too short');
  return content;
}
