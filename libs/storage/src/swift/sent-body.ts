import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';

import type { ObjectBody } from '../bucket/object-store.js';

/** One sending of a body: Swift is told the hash of a small one before, that of a large one is compared after. */
export class SentBody {
  readonly headers: Record<string, string>;
  readonly payload: Uint8Array | AsyncIterable<Uint8Array>;
  readonly #hash = createHash('md5');
  #digest: string | undefined;

  private constructor(
    body: ObjectBody,
    small: Uint8Array | undefined,
    private readonly alive: () => void,
  ) {
    this.headers = {
      'content-type': 'application/octet-stream',
      'content-length': String(body.size),
    };
    if (small === undefined) this.payload = this.#pass(body);
    else {
      this.payload = small;
      this.headers['etag'] = this.#digest = this.#hash.update(small).digest('hex');
    }
  }

  static async of(body: ObjectBody, alive: () => void): Promise<SentBody> {
    if (body.size > sliceSize) return new SentBody(body, undefined, alive);
    const content = body.open();
    return new SentBody(
      body,
      content instanceof Uint8Array ? content : await buffer(content),
      alive,
    );
  }

  /** The MD5 of all that was sent. */
  digest(): string {
    return (this.#digest ??= this.#hash.digest('hex'));
  }

  /** Opens it only when the first byte is wanted: there may be no connection. */
  async *#pass(body: ObjectBody): AsyncIterable<Uint8Array> {
    const content = body.open();
    const chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array> =
      content instanceof Uint8Array ? slices(content) : content;
    for await (const chunk of chunks) {
      this.#hash.update(chunk);
      yield chunk;
      this.alive();
    }
  }
}

/** So that nobody waits long for the hash of a large buffer. */
function* slices(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let start = 0; start < bytes.length; start += sliceSize) {
    yield bytes.subarray(start, start + sliceSize);
  }
}

const sliceSize = 256 * 1024;
