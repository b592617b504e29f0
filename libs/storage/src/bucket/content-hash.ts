import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';

import type { ObjectBody } from './object-store.js';

const slice = 1024 * 1024;

/** The MD5 by which a store checks what arrives. Long ones let other work go on in between. */
export async function md5Of(body: ObjectBody): Promise<Buffer> {
  const hash = createHash('md5');
  if (body.look !== undefined) {
    for await (const chunk of body.look()) hash.update(chunk);
    return hash.digest();
  }
  const content = body.open();
  if (content instanceof Uint8Array) {
    for (let start = 0; start < content.length; start += slice) {
      if (start > 0) await turn();
      hash.update(content.subarray(start, start + slice));
    }
  } else {
    for await (const chunk of content as AsyncIterable<Buffer>) hash.update(chunk);
  }
  return hash.digest();
}
