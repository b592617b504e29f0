import { sha256, type RandomImage } from './random-image.js';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

const accepted = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

/** The few requests of the protocol that tests need to look at what a client did. */
export class RegistryClient {
  constructor(
    readonly url: string,
    private readonly credentials?: Credentials,
  ) {}

  async request(
    method: string,
    path: string,
    options: { readonly headers?: Readonly<Record<string, string>>; readonly body?: Buffer } = {},
  ): Promise<Answer> {
    const headers = new Headers(options.headers);
    if (this.credentials !== undefined) {
      const { username, password } = this.credentials;
      const pair = Buffer.from(`${username}:${password}`).toString('base64');
      headers.set('authorization', `Basic ${pair}`);
    }
    const answer = await fetch(new URL(path, this.url), {
      method,
      headers,
      redirect: 'manual',
      ...(options.body === undefined ? {} : { body: new Uint8Array(options.body) }),
    });
    return {
      status: answer.status,
      headers: answer.headers,
      body: Buffer.from(await answer.arrayBuffer()),
    };
  }

  manifest(repository: string, reference: string): Promise<Answer> {
    const headers = { accept: accepted };
    return this.request('GET', `/v2/${repository}/manifests/${reference}`, { headers });
  }

  blob(repository: string, digest: string): Promise<Answer> {
    return this.request('GET', `/v2/${repository}/blobs/${digest}`);
  }

  /** The tags of a repository; none where the registry does not know it. */
  async tags(repository: string): Promise<readonly string[]> {
    const { status, body } = await this.request('GET', `/v2/${repository}/tags/list`);
    if (status === 404) return [];
    const { tags } = JSON.parse(body.toString()) as { readonly tags: readonly string[] | null };
    return tags ?? [];
  }

  async repositories(): Promise<readonly string[]> {
    const { body } = await this.request('GET', '/v2/_catalog?n=1000');
    return (JSON.parse(body.toString()) as { readonly repositories: string[] }).repositories;
  }

  async push(repository: string, tag: string, image: RandomImage): Promise<void> {
    const manifests = new Map([...image.manifests, image.root].map((each) => [each.digest, each]));
    for (const [digest, content] of image.blobs) {
      if (!manifests.has(digest)) await this.#pushBlob(repository, digest, content);
    }
    for (const { digest, mediaType } of manifests.values()) {
      const reference = digest === image.root.digest ? tag : digest;
      const body = image.blobs.get(digest);
      if (body === undefined) throw new Error(`the image lacks ${digest}`);
      const path = `/v2/${repository}/manifests/${reference}`;
      const headers = { 'content-type': mediaType };
      expectStatus(201, await this.request('PUT', path, { headers, body }), path);
    }
  }

  async #pushBlob(repository: string, digest: string, body: Buffer): Promise<void> {
    const path = `/v2/${repository}/blobs/uploads/`;
    const started = await this.request('POST', path);
    expectStatus(202, started, path);
    const location = new URL(started.headers.get('location') ?? '', this.url);
    location.searchParams.set('digest', digest);
    const headers = { 'content-type': 'application/octet-stream' };
    const put = await this.request('PUT', `${location.pathname}${location.search}`, {
      headers,
      body,
    });
    expectStatus(201, put, path);
  }

  /** Everything that differs between the image and what the registry answers for it, by digest; nothing when all is there. */
  async differences(repository: string, image: RandomImage): Promise<string[]> {
    const manifests = new Set([...image.manifests, image.root].map(({ digest }) => digest));
    const wrong: string[] = [];
    for (const digest of image.blobs.keys()) {
      const { status, body } = manifests.has(digest)
        ? await this.manifest(repository, digest)
        : await this.blob(repository, digest);
      if (status !== 200 || sha256(body) !== digest) wrong.push(`${digest}: ${status}`);
    }
    return wrong;
  }
}

function expectStatus(status: number, answer: Answer, path: string): void {
  if (answer.status !== status)
    throw new Error(`${path} answered ${answer.status}: ${answer.body.toString()}`);
}
