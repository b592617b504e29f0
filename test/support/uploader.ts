import type { Exchange } from './exchange.js';
import { digestOf, locationOf, RegistryApi, withDigest } from './registry-api.js';

/** Pushes one blob to one repository, request by request, and looks at every answer as a careful client would. */
export class Uploader {
  readonly api: RegistryApi;
  readonly digest: string;

  constructor(
    readonly url: string,
    readonly name: string,
    readonly content: Buffer,
  ) {
    this.api = new RegistryApi(url);
    this.digest = digestOf(content);
  }

  begin(query?: string): Promise<string> {
    return this.api.begin(this.name, query);
  }

  patch(location: string, body: Buffer, start?: number): Promise<Exchange> {
    const range = start === undefined ? undefined : `${start}-${start + body.length - 1}`;
    return this.api.send('PATCH', location, {
      body,
      headers: range ? { 'content-range': range } : {},
    });
  }

  put(location: string, digest = this.digest, body?: Buffer, headers = {}): Promise<Exchange> {
    return this.api.send('PUT', withDigest(location, digest), { headers, ...(body && { body }) });
  }

  status(location: string): Promise<Exchange> {
    return this.api.get(location);
  }

  /** Where the upload goes on, after a chunk whose last byte is this one. */
  accepted(answer: Exchange, last: number): string {
    const { status, headers, body } = answer;
    const id = /uploads\/([0-9a-f]+)\?_state=/.exec(headers.location ?? '')?.[1];
    const told = [
      status,
      headers['range'],
      headers['docker-upload-uuid'],
      headers['content-length'],
    ];
    if (told.join() !== [202, `0-${last}`, id, '0'].join()) {
      throw new Error(`not 202 with 0-${last}: ${told.join()} ${body.toString()}`);
    }
    return locationOf(answer);
  }

  /** What a client finds that follows a 201 as it says it should; the blob is gone afterwards. */
  async pulledAfter(
    answer: Exchange,
    digest = this.digest,
    bytes: Uint8Array = this.content,
  ): Promise<string> {
    const { headers } = answer;
    const told = [
      answer.status,
      answer.body.length,
      headers['docker-content-digest'],
      headers['docker-distribution-api-version'],
      headers.location,
      headers['content-length'],
    ];
    const location = `${this.url}/v2/${this.name}/blobs/${digest}`;
    const due = [201, 0, digest, 'registry/2.0', location, '0'];
    if (told.join() !== due.join()) return `${told.join()} ${answer.body.toString()}`;
    const pulled = await this.api.get(locationOf(answer));
    await this.api.send('DELETE', locationOf(answer));
    if (pulled.status !== 200) return `${pulled.status}: ${pulled.body.toString()}`;
    return pulled.body.equals(bytes) ? 'what was pushed' : 'other bytes';
  }
}
