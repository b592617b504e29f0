import { createHash } from 'node:crypto';

import { RegistryClient, type Answer } from '../support/registry-client.js';

export const digestOf = (bytes: Uint8Array) =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const manifestType = 'application/vnd.oci.image.manifest.v1+json';

/** One request of a push, made when the answer to the one before is known. */
interface Step {
  readonly method: string;
  readonly path: string;
  readonly body?: Buffer;
  readonly type?: string;
}

export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/**
 * Pushes to a repository, and when a request got no answer, sends that request again to whoever answers then, as clients
 * and load balancers do.
 */
export class HttpPusher {
  #unanswered: Step | undefined;

  constructor(
    private url: string,
    readonly repository: string,
  ) {}

  /** From here on requests go there. */
  turnTo(url: string): void {
    this.url = url;
  }

  /** The statuses of sending the unanswered request again, and of what a client does when it is refused. */
  async again(): Promise<Answer> {
    const step = this.#unanswered;
    if (step === undefined) throw new Error('every request was answered');
    return this.#send(step);
  }

  get unanswered(): string | undefined {
    return this.#unanswered && `${this.#unanswered.method} ${this.#unanswered.path}`;
  }

  /** In two requests with bytes, and one that commits. */
  async pushInParts(bytes: Buffer): Promise<string> {
    const begun = await this.#expect(202, { method: 'POST', path: this.#uploads });
    const middle = bytes.length >> 1;
    const first = await this.#patch(
      locationOf(begun.headers.get('location')),
      bytes.subarray(0, middle),
    );
    const second = await this.#patch(
      locationOf(first.headers.get('location')),
      bytes.subarray(middle),
    );
    const digest = digestOf(bytes);
    const path = `${locationOf(second.headers.get('location'))}${separator(locationOf(second.headers.get('location')))}digest=${digest}`;
    await this.#expect(201, { method: 'PUT', path });
    return digest;
  }

  async pushWhole(bytes: Buffer): Promise<string> {
    const digest = digestOf(bytes);
    const begun = await this.#expect(202, { method: 'POST', path: this.#uploads });
    const path = `${locationOf(begun.headers.get('location'))}${separator(locationOf(begun.headers.get('location')))}digest=${digest}`;
    await this.#expect(201, { method: 'PUT', path, body: bytes });
    return digest;
  }

  /** The first half of an upload that nobody ends. */
  async beginInParts(bytes: Buffer): Promise<{ location: string; size: number }> {
    const begun = await this.#expect(202, { method: 'POST', path: this.#uploads });
    const size = Math.max(1, bytes.length >> 1);
    const first = await this.#patch(
      locationOf(begun.headers.get('location')),
      bytes.subarray(0, size),
    );
    return { location: locationOf(first.headers.get('location')), size };
  }

  async setTag(tag: string, layer: Buffer): Promise<string> {
    const { body, digest } = HttpPusher.manifestOf(layer);
    const path = `/v2/${this.repository}/manifests/${tag}`;
    await this.#expect(201, { method: 'PUT', path, body, type: manifestType });
    return digest;
  }

  /** An image of one layer and of the configuration `{}`. */
  static manifestOf(layer: Buffer): { body: Buffer; digest: string } {
    const body = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: manifestType,
        config: descriptor('application/vnd.oci.image.config.v1+json', Buffer.from('{}')),
        layers: [descriptor('application/vnd.oci.image.layer.v1.tar', layer)],
      }),
    );
    return { body, digest: digestOf(body) };
  }

  async delete(reference: string): Promise<void> {
    const path = `/v2/${this.repository}/manifests/${reference}`;
    await this.#expect(202, { method: 'DELETE', path });
  }

  get #uploads(): string {
    return `/v2/${this.repository}/blobs/uploads/`;
  }

  #patch(path: string, body: Buffer): Promise<Answer> {
    return this.#expect(202, { method: 'PATCH', path, body });
  }

  async #expect(status: number, step: Step): Promise<Answer> {
    const answer = await this.#send(step);
    if (answer.status === status) return answer;
    throw new Error(`${step.method} ${step.path}: ${answer.status} ${answer.body.toString()}`);
  }

  async #send(step: Step): Promise<Answer> {
    this.#unanswered = step;
    let answer: Answer;
    try {
      answer = await new RegistryClient(this.url).request(step.method, step.path, {
        headers: { 'content-type': step.type ?? 'application/octet-stream' },
        ...(step.body && { body: step.body }),
      });
    } catch (error) {
      throw new NoAnswer(`${step.method} ${step.path}`, { cause: error });
    }
    this.#unanswered = undefined;
    return answer;
  }
}

/** Path and query of a Location, wherever the registry that made it was. */
export function locationOf(location: string | null): string {
  const { pathname, search } = new URL(location ?? '', 'http://localhost');
  return pathname + search;
}

function separator(path: string): string {
  return path.includes('?') ? '&' : '?';
}

function descriptor(mediaType: string, bytes: Buffer) {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}
