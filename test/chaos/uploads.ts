import type { Seeded } from '#storage/testing/seeded.js';

import type { History } from './history.js';
import { type Answer, attempt, NoAnswer } from './requests.js';

/** The uploads of one client: in one request or in many, and on from where they stood when something broke. */
export class Uploads {
  /** How often an upload went on after something broke. */
  resumed = 0;
  readonly #random: Seeded;

  constructor(
    private readonly base: string,
    random: Seeded,
    private readonly history: History,
  ) {
    this.#random = random;
  }

  /** In one of the ways that clients have. @throws {NoAnswer} */
  async push(repository: string, blob: Buffer, digest: string): Promise<Answer> {
    const path = `/v2/${repository}/blobs/uploads/`;
    const whole = this.#random.below(4) === 0;
    const begun = whole
      ? await this.#must('POST', `${path}?digest=${digest}`, blob)
      : await this.#must('POST', path);
    // Who does not take it whole begins an upload instead (distribution-spec, §"Single POST").
    if (begun.status !== 202) return begun;
    let location = begun.headers.location ?? '';
    if (this.#random.below(3) > 0) {
      const uploaded = await this.#patchAll(location, blob, 1 + this.#random.below(4));
      if (typeof uploaded !== 'string') return uploaded;
      location = uploaded;
      return this.#close(location, digest);
    }
    return this.#close(location, digest, blob);
  }

  /** Asked again when no answer came: the same closing request must be answered the same. */
  async #close(location: string, digest: string, body?: Buffer): Promise<Answer> {
    const url = new URL(location, this.base);
    url.searchParams.set('digest', digest);
    for (let turn = 1; ; turn++) {
      const answer = await attempt(this.base, 'PUT', url.href, body ? { body } : {});
      if (answer !== undefined && answer.status < 500) return answer;
      if (turn === 4) throw new NoAnswer('no answer to the closing request');
      this.resumed++;
    }
  }

  /** @returns where the upload stands when all is sent, or the answer that refused it */
  async #patchAll(first: string, blob: Buffer, chunks: number): Promise<string | Answer> {
    let location = first;
    let offset = 0;
    const size = Math.ceil(blob.length / chunks);
    for (let failures = 0; offset < blob.length;) {
      const body = blob.subarray(offset, offset + size);
      const range = `${offset}-${offset + body.length - 1}`;
      const headers = { 'content-range': range, 'content-type': 'application/octet-stream' };
      const answer = await attempt(this.base, 'PATCH', location, { headers, body });
      if (answer?.status === 202) {
        location = answer.headers.location ?? '';
        offset += body.length;
        continue;
      }
      if (answer !== undefined && answer.status < 500 && answer.status !== 416) return answer;
      if (++failures > 6) throw new NoAnswer('the upload does not go on');
      const status = await attempt(this.base, 'GET', location);
      if (status?.status === 204) {
        this.resumed++;
        location = status.headers.location ?? location;
        offset = offsetIn(status);
        // An earlier request may have got further than its client knows, but never further than it sent.
        if (offset > blob.length)
          this.history.anomaly({
            kind: 'corrupt',
            key: location,
            detail: `offset ${offset} of ${blob.length}`,
          });
      } else if (status !== undefined && status.status < 500) return status;
    }
    return location;
  }

  async #must(method: string, target: string, body?: Buffer): Promise<Answer> {
    const answer = await attempt(this.base, method, target, body ? { body } : {});
    if (answer === undefined) throw new NoAnswer(`no answer to ${method}`);
    return answer;
  }
}

function offsetIn({ headers }: Answer): number {
  const end = /^0-(\d+)$/.exec(headers['range'] ?? '')?.[1];
  return end === undefined || end === '0' ? 0 : Number(end) + 1;
}
