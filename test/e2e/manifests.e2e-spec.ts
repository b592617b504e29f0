import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { errorOf } from '../support/exchange.js';
import { startHoldfast, type Holdfast } from '../support/holdfast.js';
import {
  digestOf,
  dockerManifest,
  dockerManifestList,
  emptyConfig,
  image,
  ociIndex,
  ociManifest,
  RegistryApi,
} from '../support/registry-api.js';

const mebibyte = 1024 * 1024;
const name = 'library/manifests';

describe('manifests', () => {
  let holdfast: Holdfast;
  let api: RegistryApi;

  beforeAll(async () => {
    holdfast = await startHoldfast();
    api = new RegistryApi(holdfast.url);
    await api.pushBlob(name, emptyConfig);
  }, 60_000);

  afterAll(async () => {
    await holdfast?.stop();
  });

  const at = (reference: string) => `/v2/${name}/manifests/${reference}`;
  const put = (reference: string, body: Buffer | AsyncIterable<Buffer>, headers = {}) =>
    api.send('PUT', at(reference), { headers: { 'content-type': ociManifest, ...headers }, body });
  const get = (reference: string, accept?: string) =>
    api.get(at(reference), accept === undefined ? {} : { accept });

  it.each(['a-tag', undefined])('are pushed and pulled byte for byte, by %s', async (tag) => {
    const body = Buffer.from(`${JSON.stringify(image(), undefined, '\t')}\r\n`);
    const digest = digestOf(body);
    const answer = await put(tag ?? digest, body);
    expect([answer.status, answer.body.length]).toEqual([201, 0]);
    expect(answer.headers).toMatchObject({
      location: `${holdfast.url}/v2/${name}/manifests/${digest}`,
      'docker-content-digest': digest,
      'docker-distribution-api-version': 'registry/2.0',
    });
    const headers = {
      'content-type': ociManifest,
      'content-length': String(body.length),
      'docker-content-digest': digest,
      etag: `"${digest}"`,
    };
    for (const reference of [tag ?? digest, digest]) {
      const pulled = await get(reference, ociManifest);
      expect([pulled.status, pulled.body.equals(body)]).toEqual([200, true]);
      expect(pulled.headers).toMatchObject(headers);
      const head = await api.send('HEAD', at(reference), { headers: { accept: ociManifest } });
      expect([head.status, head.body.length]).toEqual([200, 0]);
      expect(head.headers).toMatchObject(headers);
      for (const method of ['GET', 'HEAD']) {
        const again = await api.send(method, at(reference), {
          headers: { 'if-none-match': `"${digest}"`, accept: ociManifest },
        });
        expect([again.status, again.body.length]).toEqual([304, 0]);
      }
    }
  });

  it('have a sha512 where they are pushed by one', async () => {
    const body = Buffer.from(JSON.stringify(image()));
    const digest = digestOf(body, 'sha512');
    const answer = await put(digest, body);
    expect([answer.status, answer.headers['docker-content-digest']]).toEqual([201, digest]);
    expect((await get(digest, ociManifest)).body.equals(body)).toBe(true);
    expect((await get(digestOf(body), ociManifest)).status).toBe(404);
  });

  it('may be of a type that nobody knows, and refer to anything', async () => {
    const body = Buffer.from('{"hello":["world"],"layers":[1,2,3]}');
    const type = 'application/vnd.example.thing.v7+json';
    expect((await put('thing', body, { 'content-type': type })).status).toBe(201);
    const pulled = await get('thing');
    expect([pulled.headers['content-type'], pulled.body.equals(body)]).toEqual([type, true]);
  });

  describe('of 4 MiB', () => {
    const sized = (size: number) => {
      const empty = Buffer.byteLength(JSON.stringify(image({ annotations: { pad: '' } })));
      const body = Buffer.from(
        JSON.stringify(image({ annotations: { pad: 'x'.repeat(size - empty) } })),
      );
      if (body.length !== size) throw new Error(`${body.length} bytes`);
      return body;
    };
    async function* streamed(body: Buffer) {
      for (let start = 0; start < body.length; start += 65_536) {
        yield body.subarray(start, start + 65_536);
      }
    }

    it('exactly are taken, announced or not', async () => {
      const body = sized(4 * mebibyte);
      expect((await put('largest', body)).status).toBe(201);
      expect((await put('largest', streamed(body))).status).toBe(201);
      expect((await get('largest', ociManifest)).body.equals(body)).toBe(true);
    });

    it('and one byte are 413, announced or not', async () => {
      const body = sized(4 * mebibyte + 1);
      for (const sent of [body, streamed(body)]) {
        const answer = await put('too-large', sent);
        expect([answer.status, errorOf(answer).code]).toEqual([413, 'SIZE_INVALID']);
        expect(errorOf(answer).detail).toEqual({ limit: 4 * mebibyte });
      }
      expect((await get('too-large', ociManifest)).status).toBe(404);
    });

    it('are where reading ends, whatever comes after', async () => {
      const chunk = Buffer.alloc(mebibyte);
      async function* endless() {
        for (let sent = 0; sent < 200; sent++) yield chunk;
      }
      const answers = await Promise.all([1, 2, 3].map(() => put('endless', endless())));
      expect(answers.map(({ status }) => status)).toEqual([413, 413, 413]);
    });
  });

  describe('with tag parameters', () => {
    const push = async (query: string) => {
      const body = Buffer.from(JSON.stringify(image()));
      const digest = digestOf(body);
      return { digest, answer: await put(`${digest}?${query}`, body) };
    };

    it('are pushed and tagged at once', async () => {
      const tags = Array.from({ length: 12 }, (_, index) => `many-${index}`);
      const { digest, answer } = await push(tags.map((tag) => `tag=${tag}`).join('&'));
      expect([answer.status, answer.headers['oci-tag']]).toEqual([201, tags.join(', ')]);
      for (const tag of tags) {
        expect((await get(tag, ociManifest)).headers['docker-content-digest']).toBe(digest);
      }
    });

    it('name each tag once', async () => {
      const { answer } = await push('tag=twice&tag=twice');
      expect([answer.status, answer.headers['oci-tag']]).toEqual([201, 'twice']);
    });

    it.each([
      ['tag=good&tag=.bad', 400],
      ['tag=', 400],
      [Array.from({ length: 101 }, (_, index) => `tag=t${index}`).join('&'), 414],
    ])('are refused whole with %.30s', async (query, status) => {
      const { digest, answer } = await push(query);
      expect(answer.status).toBe(status);
      expect((await get(digest, ociManifest)).status).toBe(404);
      expect((await get('good')).status).toBe(404);
    });
  });

  describe('for clients that accept', () => {
    let child: string;

    beforeAll(async () => {
      await api.pushManifest(name, image(), 'oci');
      await api.pushManifest(name, image({ mediaType: dockerManifest }), 'docker');
      const amd64 = await api.pushManifest(name, image({ mediaType: dockerManifest }));
      child = amd64.digest;
      const other = await api.pushManifest(name, image({ mediaType: dockerManifest }));
      const entries = [
        [other, 'arm64'],
        [amd64, 'amd64'],
      ] as const;
      const manifests = entries.map(([{ digest, body }, architecture]) => ({
        mediaType: dockerManifest,
        digest,
        size: body.length,
        platform: { os: 'linux', architecture },
      }));
      const list = { schemaVersion: 2, mediaType: dockerManifestList, manifests };
      await api.pushManifest(name, list, 'list');
      await api.pushManifest(name, { ...list, mediaType: ociIndex }, 'index');
    });

    it.each([
      ['oci', undefined, ociManifest],
      ['oci', '*/*', ociManifest],
      ['oci', 'application/*', ociManifest],
      ['oci', `text/html, ${ociManifest};q=0.5`, ociManifest],
      ['oci', ociManifest.toUpperCase(), ociManifest],
      ['oci', dockerManifest, 404],
      ['oci', 'text/html', 404],
      ['docker', undefined, dockerManifest],
      ['docker', ociManifest, dockerManifest],
      ['index', undefined, ociIndex],
      ['index', `${ociManifest}, ${ociIndex}`, ociIndex],
      ['index', dockerManifestList, 404],
      ['list', dockerManifestList, dockerManifestList],
      ['list', '*/*', dockerManifestList],
      ['list', dockerManifest, dockerManifest],
      ['list', undefined, dockerManifest],
    ])('%s with Accept: %s are answered with %s', async (tag, accept, expected) => {
      for (const method of ['GET', 'HEAD']) {
        const { status, headers } = await api.send(method, at(tag), {
          headers: accept === undefined ? {} : { accept },
        });
        expect(status === 200 ? headers['content-type'] : status).toBe(expected);
      }
    });

    it('only images the image for linux/amd64 of a list, by tag and not by digest', async () => {
      const answer = await get('list', dockerManifest);
      expect(answer.headers['docker-content-digest']).toBe(child);
      const digest = (await get('list', dockerManifestList)).headers['docker-content-digest'];
      expect((await get(String(digest), dockerManifest)).headers['content-type']).toBe(
        dockerManifestList,
      );
    });
  });

  it('move a tag, and keep what it pointed to', async () => {
    const one = await api.pushManifest(name, image(), 'moving');
    const two = await api.pushManifest(name, image(), 'moving');
    expect((await get('moving', ociManifest)).body.equals(two.body)).toBe(true);
    expect((await get(one.digest, ociManifest)).body.equals(one.body)).toBe(true);
  });

  it('are deleted by tag: the tag goes, the manifest stays', async () => {
    const { digest } = await api.pushManifest(name, image(), 'gone');
    expect((await api.send('DELETE', at('gone'))).status).toBe(202);
    expect((await get('gone', ociManifest)).status).toBe(404);
    expect((await api.send('DELETE', at('gone'))).status).toBe(404);
    expect((await get(digest, ociManifest)).status).toBe(200);
  });

  it('are deleted by digest: the tags that point there go, the others stay', async () => {
    const manifest = image();
    const { digest } = await api.pushManifest(name, manifest, 'x1');
    await api.pushManifest(name, manifest, 'x2');
    await api.pushManifest(name, image(), 'x2');
    expect((await api.send('DELETE', at(digest))).status).toBe(202);
    const statuses = [digest, 'x1', 'x2'].map(
      async (each) => (await get(each, ociManifest)).status,
    );
    expect(await Promise.all(statuses)).toEqual([404, 404, 200]);
    expect((await api.send('DELETE', at(digest))).status).toBe(404);
  });

  // Row E2.
  it('lose no tag that is moved while what it pointed to is deleted', async () => {
    const lost: string[] = [];
    for (let round = 0; round < 100; round++) {
      const old = await api.pushManifest(name, image(), 'raced');
      const [moved, deleted] = await Promise.all([
        api.pushManifest(name, image(), 'raced'),
        api.send('DELETE', at(old.digest)),
      ]);
      const found = (await get('raced', ociManifest)).headers['docker-content-digest'];
      if (found !== moved.digest || deleted.status !== 202) {
        lost.push(`${deleted.status} ${String(found)}`);
      }
    }
    expect(lost).toEqual([]);
  }, 120_000);

  it('are all that makes a repository: without one it leaves the catalog', async () => {
    const other = 'library/short-lived';
    const listed = async () => {
      const { body } = await api.get('/v2/_catalog');
      return body.toString().includes(`"${other}"`);
    };
    await api.pushBlob(other, randomBytes(10));
    expect(await listed()).toBe(false);
    const { digest } = await api.pushImage(other, 'latest');
    expect(await listed()).toBe(true);
    await api.send('DELETE', `/v2/${other}/manifests/${digest}`);
    expect(await listed()).toBe(false);
    expect((await api.get(`/v2/${other}/tags/list`)).status).toBe(404);
  });
});
