import { createCipheriv, createHash } from 'node:crypto';
import { request } from 'node:http';

/** Content of any size that is never held: the same bytes at each call. */
function* largeContent(start: number, length: number): Generator<Buffer> {
  const block = 1024 * 1024;
  if (start % block !== 0) throw new Error('begins at a whole MiB');
  const zeros = Buffer.alloc(block);
  for (let at = start; at < start + length; at += block) {
    const counter = Buffer.alloc(16);
    counter.writeBigUInt64BE(BigInt(at / 16), 8);
    const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), counter);
    yield cipher.update(zeros.subarray(0, Math.min(block, start + length - at)));
  }
}

export function digestOfLarge(length: number): string {
  const hash = createHash('sha256');
  for (const chunk of largeContent(0, length)) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}

/** One request whose body is content from `start` on; its status and where it leads. */
export async function sendLarge(
  method: 'PATCH' | 'PUT' | 'POST',
  url: string,
  { start, length }: { readonly start: number; readonly length: number },
): Promise<{ readonly status: number; readonly location: string }> {
  const outgoing = request(url, {
    method,
    agent: false,
    headers: {
      'content-length': length,
      ...(method === 'PATCH' && { 'content-range': `${start}-${start + length - 1}` }),
    },
  });
  const answered = new Promise<{ status: number; location: string }>((resolve, reject) => {
    outgoing.on('error', reject).on('response', (response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0, location: response.headers.location ?? '' });
    });
  });
  for (const chunk of largeContent(start, length)) {
    if (!outgoing.write(chunk)) {
      await Promise.race([new Promise((resolve) => outgoing.once('drain', resolve)), answered]);
    }
  }
  outgoing.end();
  return answered;
}

/** What a pull brings, hashed as it comes. */
export async function pullLarge(
  url: string,
): Promise<{ readonly digest: string; readonly size: number }> {
  const response = await fetch(url);
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of response.body ?? []) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { digest: `sha256:${hash.digest('hex')}`, size };
}
