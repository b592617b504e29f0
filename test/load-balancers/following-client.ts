import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { buffer } from 'node:stream/consumers';

import { sha256 } from '../support/random-image.js';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface Message {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

/** A client that goes where each `Location` says, as all clients do, and remembers where that was. */
export class FollowingClient {
  readonly locations: string[] = [];

  /** @param base the URL before `/v2/`. */
  constructor(
    private readonly base: string,
    private readonly ca: string,
    private readonly headers: Readonly<Record<string, string>> = {},
  ) {}

  send(method: string, target: string, { headers = {}, body }: Message = {}): Promise<Answer> {
    const url = target.startsWith('/') ? this.base + target : target;
    return new Promise((resolve, reject) => {
      const options = {
        method,
        ca: this.ca,
        agent: false,
        headers: { ...this.headers, ...headers },
      };
      const outgoing = request(url, options, (response) => {
        const { statusCode: status = 0, headers: answered } = response;
        if (answered.location !== undefined) this.locations.push(answered.location);
        buffer(response).then(
          (bytes) => resolve({ status, headers: answered, body: bytes }),
          reject,
        );
      });
      outgoing.on('error', reject).end(body);
    });
  }

  /** Pushes an image of two blobs in several requests each, and reads it back; what came back that was not as pushed. */
  async pushAndPull(repository: string, blobSize = 300_000): Promise<string[]> {
    const blobs = [randomBytes(blobSize), Buffer.from('{}')];
    for (const blob of blobs) await this.pushBlob(repository, blob);
    const [layer, config] = blobs.map((blob) => ({ digest: sha256(blob), size: blob.length }));
    const mediaType = 'application/vnd.oci.image.manifest.v1+json';
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType,
        config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...config },
        layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer }],
      }),
    );
    const headers = { 'content-type': mediaType };
    const put = await this.send('PUT', `/v2/${repository}/manifests/1`, {
      headers,
      body: manifest,
    });
    const wrong = put.status === 201 ? [] : [`PUT manifest: ${put.status} ${put.body.toString()}`];
    const found = [put.headers.location ?? '', `/v2/${repository}/manifests/1`].map((path) => ({
      path,
      bytes: manifest,
    }));
    const stored = blobs.map((bytes) => ({
      path: `/v2/${repository}/blobs/${sha256(bytes)}`,
      bytes,
    }));
    for (const { path, bytes } of [...found, ...stored]) {
      const { status, body } = await this.send('GET', path, { headers: { accept: mediaType } });
      if (status !== 200 || !body.equals(bytes)) wrong.push(`GET ${path}: ${status}`);
    }
    return wrong;
  }

  async pushBlob(repository: string, blob: Buffer): Promise<void> {
    const started = await this.send('POST', `/v2/${repository}/blobs/uploads/`);
    expectStatus(started, 202);
    const half = Math.floor(blob.length / 2);
    const patched = await this.send('PATCH', started.headers.location ?? '', {
      body: blob.subarray(0, half),
    });
    expectStatus(patched, 202);
    const location = new URL(patched.headers.location ?? '', this.base);
    location.searchParams.set('digest', sha256(blob));
    const put = await this.send('PUT', location.href, { body: blob.subarray(half) });
    expectStatus(put, 201);
    expectStatus(await this.send('HEAD', put.headers.location ?? ''), 200);
  }
}

function expectStatus({ status, body }: Answer, wanted: number): void {
  if (status !== wanted) throw new Error(`${status} instead of ${wanted}: ${body.toString()}`);
}
