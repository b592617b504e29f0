import { createHash } from 'node:crypto';

import type { ObjectBody } from '../bucket/object-store.js';

/** One sending of a body: Swift is told the hash of a small one before, that of a large one is compared after. */
export class SentBody {
  readonly headers: Record<string, string>;
  readonly payload: Uint8Array | AsyncIterable<Uint8Array>;
  readonly #hash = createHash('md5');
  #digest: string | undefined;

  constructor(body: ObjectBody, alive: () => void) {
    this.headers = {
      'content-type': 'application/octet-stream',
      'content-length': String(body.size),
    };
    const bytes = body.size <= sliceSize ? body.open() : undefined;
    if (bytes instanceof Uint8Array) {
      this.payload = bytes;
      this.headers['etag'] = this.#hash.update(bytes).digest('hex');
      this.#digest = this.headers['etag'];
    } else {
      this.payload = this.#pass(bytes ?? body.open(), alive);
    }
  }

  /** The MD5 of all that was sent. */
  digest(): string {
    return (this.#digest ??= this.#hash.digest('hex'));
  }

  async *#pass(bytes: Uint8Array | AsyncIterable<Uint8Array>, alive: () => void) {
    for await (const chunk of bytes instanceof Uint8Array ? slices(bytes) : bytes) {
      this.#hash.update(chunk);
      yield chunk;
      alive();
    }
  }
}

/** So that nobody waits long for the hash of a large buffer. */
function* slices(bytes: Uint8Array) {
  for (let start = 0; start < bytes.length; start += sliceSize) {
    yield bytes.subarray(start, start + sliceSize);
  }
}

const sliceSize = 256 * 1024;
