import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { errorOf } from '../support/exchange.js';
import { startHoldfast, type Holdfast } from '../support/holdfast.js';
import { digestOf, image, ociIndex, ociManifest, RegistryApi } from '../support/registry-api.js';
import { TempDir } from '../support/temp-dir.js';
import { treeHash } from '../support/tree-hash.js';

const name = 'library/policies';
const blob = digestOf('{}');
const some = digestOf('something');

/** Every route of the specification, by the methods that change something. */
const mutating: readonly (readonly [string, string, string?])[] = [
  ['POST', `/v2/${name}/blobs/uploads/`],
  ['POST', `/v2/${name}/blobs/uploads`],
  ['POST', `/v2/${name}/blobs/uploads/?digest=${some}`, 'something'],
  ['POST', `/v2/${name}/blobs/uploads/?mount=${blob}&from=${name}`],
  ['POST', `/v2/library/other/blobs/uploads/?mount=${blob}`],
  ['PATCH', `{upload}`, 'something'],
  ['PUT', `{upload}&digest=${some}`, 'something'],
  ['DELETE', `{upload}`],
  ['PUT', `/v2/${name}/manifests/other`, JSON.stringify(image())],
  ['PUT', `/v2/${name}/manifests/latest`, JSON.stringify(image())],
  ['PUT', `/v2/${name}/manifests/{manifest}?tag=other`, '{manifest}'],
  ['DELETE', `/v2/${name}/manifests/latest`],
  ['DELETE', `/v2/${name}/manifests/{manifest}`],
  ['DELETE', `/v2/${name}/blobs/${blob}`],
  ['DELETE', `/v2/library/never/manifests/latest`],
  ['DELETE', `/v2/library/never/blobs/${blob}`],
];
const isUpload = (path: string) => path.includes('{upload}');

describe('what the configuration forbids', () => {
  let folder: TempDir;
  let upload: string;
  let manifest: { digest: string; body: Buffer };

  beforeAll(async () => {
    folder = await TempDir.create('policies');
    const open = await startHoldfast({ root: folder.join('data') });
    const api = new RegistryApi(open.url);
    manifest = await api.pushImage(name, 'latest');
    const begun = await api.begin(name);
    const { headers } = await api.send('PATCH', begun, { body: 'some' });
    upload = (headers.location ?? '').slice(open.url.length);
    await open.stop();
  }, 60_000);

  afterAll(() => folder?.remove());

  const fill = (text: string) =>
    text.replace('{upload}', upload).replace('{manifest}', manifest.digest);

  describe.each([
    ['storage.maintenance.readonly', { maintenance: { readonly: { enabled: true } } }],
    ['storage.delete.enabled', { delete: { enabled: false } }],
  ])('by %s', (key, storage) => {
    const readOnly = key.includes('readonly');
    let holdfast: Holdfast;
    let api: RegistryApi;

    beforeAll(async () => {
      holdfast = await startHoldfast({ root: folder.join('data'), config: { storage } });
      api = new RegistryApi(holdfast.url);
    }, 60_000);

    afterAll(() => holdfast?.stop());

    const forbidden = mutating
      .filter(([method, path]) => readOnly || (method === 'DELETE' && !isUpload(path)))
      .map(([method, path, body = '']) => [method, path, body] as const);

    it.each(forbidden)('%s %s is 405, says why and what is allowed', async (method, path, body) => {
      const before = await treeHash(holdfast.root);
      const answer = await api.send(method, fill(path), {
        headers: { 'content-type': ociManifest },
        ...(body && { body: body === '{manifest}' ? manifest.body : body }),
      });
      expect([answer.status, errorOf(answer).code]).toEqual([405, 'UNSUPPORTED']);
      expect(errorOf(answer).message).toContain(key);
      expect(answer.headers.allow).not.toContain('DELETE');
      expect(answer.headers.allow).toContain(readOnly ? 'GET' : 'HEAD');
      expect(answer.headers['docker-distribution-api-version']).toBe('registry/2.0');
      expect(await treeHash(holdfast.root)).toBe(before);
    });

    it.each([
      ['GET', '/v2/'],
      ['GET', '/v2/_catalog'],
      ['GET', `/v2/${name}/tags/list`],
      ['GET', `/v2/${name}/manifests/latest`],
      ['HEAD', `/v2/${name}/manifests/latest`],
      ['GET', `/v2/${name}/blobs/${blob}`],
      ['HEAD', `/v2/${name}/blobs/${blob}`],
      ['GET', `/v2/${name}/referrers/${blob}`],
    ])('%s %s goes on', async (method, path) => {
      expect((await api.send(method, path)).status).toBe(200);
    });
  });

  it('is not the cancel of an upload where only deletes are', async () => {
    const holdfast = await startHoldfast({ config: { storage: { delete: { enabled: false } } } });
    try {
      const api = new RegistryApi(holdfast.url);
      expect((await api.send('DELETE', await api.begin(name))).status).toBe(204);
    } finally {
      await holdfast.stop();
    }
  }, 60_000);
});

describe('validation.manifests.indexes.platforms', () => {
  const layer = (change: object = {}) => ({
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    digest: some,
    size: 9,
    ...change,
  });
  const child = { mediaType: ociManifest, digest: some, size: 9 };
  const platform = { os: 'linux', architecture: 'amd64' };
  const manifests = {
    'an index without its child': { mediaType: ociIndex, manifests: [{ ...child, platform }] },
    'an image without its layer': image({ layers: [layer()] }),
    'an image without its config': image({ config: layer() }),
    'a layer from elsewhere': image({ layers: [layer({ urls: ['https://example.com/layer'] })] }),
  };

  it.each<[string, object, number[]]>([
    ['all', { platforms: 'all' }, [400, 400, 400, 400]],
    ['list', { platforms: 'list', platformlist: [platform] }, [400, 400, 400, 400]],
    ['list of another', { platforms: 'list', platformlist: [] }, [201, 400, 400, 400]],
    // What the conformance suites push needs it.
    ['none', { platforms: 'none' }, [201, 201, 400, 400]],
  ])(
    'of %s: with none also the layers of an image may be missing, and nothing else',
    async (_what, indexes, expected) => {
      const config = { validation: { manifests: { indexes } } };
      const holdfast = await startHoldfast({ config });
      try {
        const api = new RegistryApi(holdfast.url);
        await api.pushBlob(name, Buffer.from('{}'));
        const statuses: number[] = [];
        for (const pushed of Object.values<{ mediaType?: unknown }>(manifests)) {
          const answer = await api.send('PUT', `/v2/${name}/manifests/latest`, {
            headers: { 'content-type': String(pushed.mediaType) },
            body: JSON.stringify({ schemaVersion: 2, ...pushed }),
          });
          statuses.push(answer.status);
        }
        expect(statuses).toEqual(expected);
      } finally {
        await holdfast.stop();
      }
    },
    60_000,
  );
});
