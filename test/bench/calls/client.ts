import { randomBytes } from 'node:crypto';

import { exchange, type Exchange, type Sent } from '../../support/exchange.js';
import {
  digestOf,
  locationOf,
  ociManifest,
  type RegistryApi,
  withDigest,
} from '../../support/registry-api.js';

export interface SmallImage {
  readonly tag: string;
  readonly blobs: readonly { readonly digest: string; readonly content: Buffer }[];
  readonly manifest: Buffer;
  readonly digest: string;
}

/** A configuration and three layers of 4 KiB, four blobs in all, that no other image has. */
export function smallImage(): SmallImage {
  const blobs = Array.from({ length: 4 }, () => {
    const content = randomBytes(4096);
    return { digest: digestOf(content), content };
  });
  const [config, ...layers] = blobs.map(({ digest, content }, index) => ({
    mediaType: `application/vnd.oci.image.${index === 0 ? 'config.v1+json' : 'layer.v1.tar+gzip'}`,
    digest,
    size: content.length,
  }));
  const manifest = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: ociManifest, config, layers }),
  );
  return { tag: `t${randomBytes(6).toString('hex')}`, blobs, manifest, digest: digestOf(manifest) };
}

/** How a client brings a blob: docker's POST, PATCH, PUT; containerd's POST, PUT. */
export type Flow = 'docker' | 'single';

/** Requests as clients make them; an answer other than the expected one is an error. */
export class Client {
  constructor(
    private readonly api: RegistryApi,
    readonly repository: string,
  ) {}

  async pushImage(image: SmallImage, flow: Flow): Promise<void> {
    for (const { digest, content } of image.blobs) {
      if (!(await this.hasBlob(digest))) await this.pushBlob(content, flow);
    }
    await this.pushManifest(image);
  }

  /** Some registries redirect here too; that they do says that it is there. */
  async hasBlob(digest: string): Promise<boolean> {
    return (await this.want([200, 307, 404], 'HEAD', `blobs/${digest}`)).status !== 404;
  }

  async pushManifest({ manifest, digest, tag }: SmallImage, reference = tag): Promise<void> {
    const headers = { 'content-type': ociManifest };
    const pushed = await this.want([201], 'PUT', `manifests/${reference}`, {
      headers,
      body: manifest,
    });
    same('digest of a pushed manifest', pushed.headers['docker-content-digest'], digest);
  }

  /** @param chunk bytes of each PATCH; all in one when absent */
  async pushBlob(content: Buffer, flow: Flow, chunk = content.length): Promise<void> {
    let location = locationOf(await this.want([202], 'POST', 'blobs/uploads/'));
    const type = { 'content-type': 'application/octet-stream' };
    for (let start = 0; flow === 'docker' && start < content.length; start += chunk) {
      const body = content.subarray(start, start + chunk);
      const range = { 'content-range': `${start}-${start + body.length - 1}` };
      const headers = { ...type, ...(chunk < content.length && range) };
      location = locationOf(await this.#wantAt([202], 'PATCH', location, { headers, body }));
    }
    const last = flow === 'single' ? { headers: type, body: content } : {};
    await this.#wantAt([201], 'PUT', withDigest(location, digestOf(content)), last);
  }

  async pullImage(image: SmallImage): Promise<void> {
    await this.getManifest(image, image.tag);
    for (const { digest, content } of image.blobs) {
      const answer = await this.want([200, 307], 'GET', `blobs/${digest}`);
      const { body } = answer.status === 307 ? await follow(answer) : answer;
      if (!body.equals(content)) throw new Error(`blob ${digest} came with other bytes`);
    }
  }

  async getManifest({ manifest }: SmallImage, reference: string): Promise<void> {
    const headers = { accept: ociManifest };
    const { body } = await this.want([200], 'GET', `manifests/${reference}`, { headers });
    if (!body.equals(manifest)) throw new Error(`manifest ${reference} came with other bytes`);
  }

  async want(
    statuses: readonly number[],
    method: string,
    path: string,
    sent: Omit<Sent, 'method'> = {},
  ): Promise<Exchange> {
    return this.#wantAt(statuses, method, `/v2/${this.repository}/${path}`, sent);
  }

  async #wantAt(
    statuses: readonly number[],
    method: string,
    path: string,
    sent: Omit<Sent, 'method'>,
  ): Promise<Exchange> {
    const answer = await this.api.send(method, path, sent);
    if (statuses.includes(answer.status)) return answer;
    const { status, body } = answer;
    throw new Error(`${method} ${path} answered ${status}: ${body.toString().slice(0, 500)}`);
  }
}

async function follow({ headers }: Exchange): Promise<Exchange> {
  const { origin, pathname, search } = new URL(headers.location ?? '');
  const answer = await exchange(origin, pathname + search);
  if (answer.status !== 200) throw new Error(`the address of a blob answered ${answer.status}`);
  return answer;
}

function same(what: string, actual: unknown, expected: string): void {
  if (actual !== expected) throw new Error(`${what} is ${String(actual)}, not ${expected}`);
}
