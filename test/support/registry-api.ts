import { createHash, randomBytes } from 'node:crypto';

import { exchange, type Exchange, type Sent } from './exchange.js';

export const ociManifest = 'application/vnd.oci.image.manifest.v1+json';
export const ociIndex = 'application/vnd.oci.image.index.v1+json';
export const dockerManifest = 'application/vnd.docker.distribution.manifest.v2+json';
export const dockerManifestList = 'application/vnd.docker.distribution.manifest.list.v2+json';

export const digestOf = (content: Buffer | string, algorithm: 'sha256' | 'sha512' = 'sha256') =>
  `${algorithm}:${createHash(algorithm).update(content).digest('hex')}`;

export interface PushedManifest {
  readonly digest: string;
  readonly body: Buffer;
  readonly answer: Exchange;
}

/** The requests of the protocol, as a careful client makes them; every one with its path as given. */
export class RegistryApi {
  constructor(
    readonly url: string,
    private readonly headers: Readonly<Record<string, string>> = {},
  ) {}

  send(method: string, path: string, sent: Omit<Sent, 'method'> = {}): Promise<Exchange> {
    return exchange(this.url, path, {
      method,
      ...sent,
      headers: { ...this.headers, ...sent.headers },
    });
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Exchange> {
    return this.send('GET', path, { headers });
  }

  /** Begins an upload. @returns where it goes on */
  async begin(name: string, query = ''): Promise<string> {
    const answer = await this.send('POST', `/v2/${name}/blobs/uploads/${query}`);
    if (answer.status !== 202) throw new Error(`${answer.status}: ${answer.body.toString()}`);
    return locationOf(answer);
  }

  async pushBlob(name: string, content: Buffer, digest = digestOf(content)): Promise<string> {
    const path = `/v2/${name}/blobs/uploads/?digest=${digest}`;
    const answer = await this.send('POST', path, { body: content });
    if (answer.status !== 201) throw new Error(`${answer.status}: ${answer.body.toString()}`);
    return digest;
  }

  /** An image without layers that no other is equal to; its config is pushed before. */
  async pushImage(name: string, reference?: string, change: object = {}): Promise<PushedManifest> {
    await this.pushBlob(name, emptyConfig);
    return this.pushManifest(name, image(change), reference);
  }

  async pushManifest(
    name: string,
    manifest: Readonly<Record<string, unknown>>,
    reference?: string,
  ): Promise<PushedManifest> {
    const body = Buffer.from(JSON.stringify(manifest));
    const digest = digestOf(body);
    const answer = await this.send('PUT', `/v2/${name}/manifests/${reference ?? digest}`, {
      headers: { 'content-type': (manifest['mediaType'] as string | undefined) ?? ociManifest },
      body,
    });
    if (answer.status !== 201) throw new Error(`${answer.status}: ${answer.body.toString()}`);
    return { digest, body, answer };
  }

  /** All entries of a list, page by page. */
  async pages(path: string, member: string): Promise<{ pages: string[][]; links: string[] }> {
    const pages: string[][] = [];
    const links: string[] = [];
    for (let next: string | undefined = path; next !== undefined;) {
      const answer: Exchange = await this.get(next);
      if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.body.toString()}`);
      const list = JSON.parse(answer.body.toString()) as Record<string, string[]>;
      pages.push(list[member] as string[]);
      next = /^<([^>]+)>; rel="next"$/.exec(answer.headers['link'] as string)?.[1];
      if (next !== undefined) links.push(next);
    }
    return { pages, links };
  }
}

export const emptyConfig = Buffer.from('{}');

export function image(change: object = {}): Record<string, unknown> {
  return {
    schemaVersion: 2,
    mediaType: ociManifest,
    config: {
      mediaType: 'application/vnd.oci.empty.v1+json',
      digest: digestOf(emptyConfig),
      size: emptyConfig.length,
    },
    layers: [],
    annotations: { unique: randomBytes(8).toString('hex') },
    ...change,
  };
}

/** Path and query of a `Location`. */
export function locationOf({ headers }: Exchange): string {
  const { pathname, search } = new URL(headers.location ?? '', 'http://no-location.invalid');
  return pathname + search;
}

export function withDigest(location: string, digest: string): string {
  return `${location}${location.includes('?') ? '&' : '?'}digest=${digest}`;
}
