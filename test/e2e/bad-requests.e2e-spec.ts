import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { errorOf, type Sent } from '../support/exchange.js';
import { startHoldfast, type Holdfast } from '../support/holdfast.js';
import { digestOf, image, ociIndex, ociManifest, RegistryApi } from '../support/registry-api.js';
import { treeHash } from '../support/tree-hash.js';

const zeros = `sha256:${'0'.repeat(64)}`;
const mebibyte = 1024 * 1024;
const name400 = 'NAME_INVALID';

/** Method, path, status, code, and what goes along; `{…}` in a path stands for something that a test has. */
type Row = readonly [string, string, number, string, Omit<Sent, 'method'>?];

const names: readonly Row[] = [
  'A',
  '_uploads',
  '.a',
  'a..b',
  'a//b',
  'a/../b',
  '..',
  '../..',
  '%2e%2e',
  '%2e%2e%2f%2e%2e',
  'a%2fb',
  'a%252fb',
  'a%00',
  'a%0a',
  '%c3%a4',
  '%ff',
  '%zz',
  'a:b',
  'a;b',
  '__proto__',
  'a'.repeat(256),
  'a'.repeat(3000),
  `${'a/'.repeat(130)}a`,
].flatMap((name): Row[] => [
  ['GET', `/v2/${name}/tags/list`, 400, name400],
  ['GET', `/v2/${name}/manifests/latest`, 400, name400],
  ['PUT', `/v2/${name}/manifests/latest`, 400, name400, { body: JSON.stringify(image()) }],
  ['DELETE', `/v2/${name}/manifests/latest`, 400, name400],
  ['GET', `/v2/${name}/blobs/${zeros}`, 400, name400],
  ['GET', `/v2/${name}/referrers/${zeros}`, 400, name400],
  ['POST', `/v2/${name}/blobs/uploads/`, 400, name400],
  ['GET', `/v2/${name}/blobs/uploads/x`, 400, name400],
]);

const digests: readonly Row[] = [
  'sha256:',
  `sha256:${'0'.repeat(63)}`,
  `sha256:${'0'.repeat(65)}`,
  `sha256:${'A'.repeat(64)}`,
  `SHA256:${'0'.repeat(64)}`,
  `md5:${'0'.repeat(32)}`,
  `sha512:${'0'.repeat(64)}`,
  'sha256:..%2f..%2f..%2fetc%2fpasswd',
  `sha256:${'0'.repeat(63)}%0a`,
  `__proto__:${'0'.repeat(64)}`,
  `sha256:${'0'.repeat(2000)}`,
].flatMap((digest): Row[] => [
  ['GET', `/v2/a/blobs/${digest}`, 400, 'DIGEST_INVALID'],
  ['DELETE', `/v2/a/blobs/${digest}`, 400, 'DIGEST_INVALID'],
  ['GET', `/v2/a/manifests/${digest}`, 400, 'DIGEST_INVALID'],
  ['PUT', `/v2/a/manifests/${digest}`, 400, 'DIGEST_INVALID', { body: JSON.stringify(image()) }],
  ['DELETE', `/v2/a/manifests/${digest}`, 400, 'DIGEST_INVALID'],
  ['GET', `/v2/a/referrers/${digest}`, 400, 'DIGEST_INVALID'],
  ['POST', `/v2/a/blobs/uploads/?digest=${digest}`, 400, 'DIGEST_INVALID', { body: 'x' }],
]);

const tags: readonly Row[] = [
  '.a',
  '-a',
  'a+b',
  '%c3%a4',
  'a%2fb',
  'a%20b',
  't'.repeat(129),
].flatMap((tag): Row[] => [
  ['GET', `/v2/a/manifests/${tag}`, 404, 'MANIFEST_UNKNOWN'],
  ['DELETE', `/v2/a/manifests/${tag}`, 404, 'MANIFEST_UNKNOWN'],
  ['PUT', `/v2/a/manifests/${tag}`, 400, 'TAG_INVALID', { body: JSON.stringify(image()) }],
  ['PUT', `/v2/a/manifests/${zeros}?tag=${tag}`, 400, 'TAG_INVALID', { body: '{}' }],
]);

const numbers: readonly Row[] = [
  'n=-1',
  'n=1.5',
  'n=1e3',
  'n=0x10',
  'n=abc',
  'n=%20',
  'n=%zz',
  'n=1&n=2',
  'n=1&n=1',
  `n=${'9'.repeat(500)}`,
].flatMap((query): Row[] => [
  ['GET', `/v2/_catalog?${query}`, 400, 'PAGINATION_NUMBER_INVALID'],
  ['GET', `/v2/there/tags/list?${query}`, 400, 'PAGINATION_NUMBER_INVALID'],
]);

const manifests: readonly Row[] = (
  [
    ['', ociManifest],
    ['null', ociManifest],
    ['[]', ociManifest],
    ['{', ociManifest],
    ['{}', undefined],
    ['\ufeff{}', ociManifest],
    ['['.repeat(4 * mebibyte), ociManifest],
    ['{"a":'.repeat(800_000), ociManifest],
    [`{"a":[${'{},'.repeat(1_000_000)}{}]}`, ociManifest],
    [`{${Array.from({ length: 100_001 }, (_, key) => `"${key}":1`).join()}}`, ociManifest],
    ['{"size":9007199254740993}', 'x/y'],
    ['{"mediaType":"a/b\\r\\nset-cookie: c=d"}', undefined],
    ['{"mediaType":"a/b\\u0000"}', undefined],
    ['{"schemaVersion":1,"fsLayers":[],"history":[]}', undefined],
    [JSON.stringify(image({ manifests: [] })), ociManifest],
    [JSON.stringify(image({ Manifests: [] })), ociManifest],
    [JSON.stringify(image({ mediaType: ociIndex })), ociManifest],
    [JSON.stringify(image()).replace('"layers"', '"layers":[],"Layers"'), ociManifest],
    [JSON.stringify(image({ mediaType: undefined })), ociIndex],
    [JSON.stringify(image({ subject: 'x' })), ociManifest],
    [
      JSON.stringify(
        image({
          layers: [
            {
              mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar',
              digest: zeros,
              size: 1,
              urls: ['https://evil.example/layer'],
            },
          ],
        }),
      ),
      ociManifest,
    ],
  ] as const
).map(([body, type]): Row => {
  const headers = type === undefined ? {} : { 'content-type': type };
  return ['PUT', '/v2/there/manifests/bad', 400, 'MANIFEST_INVALID', { headers, body }];
});

const content: readonly Row[] = [
  ['PUT', '/v2/there/manifests/bad', 400, 'MANIFEST_BLOB_UNKNOWN', manifestWith(zeros)],
  ['PUT', '/v2/elsewhere/manifests/bad', 400, 'MANIFEST_BLOB_UNKNOWN', manifestWith()],
  ['PUT', `/v2/there/manifests/${zeros}`, 400, 'DIGEST_INVALID', manifestWith()],
  ['PUT', '/v2/there/manifests/bad', 413, 'SIZE_INVALID', { body: Buffer.alloc(4 * mebibyte + 1) }],
  ['PUT', '/v2/there/manifests/bad', 413, 'SIZE_INVALID', { body: Buffer.alloc(40 * mebibyte) }],
  ['PUT', `/v2/there/manifests/bad?tag=more`, 400, 'TAG_INVALID', manifestWith()],
  [
    'PUT',
    `/v2/there/manifests/${zeros}?${'tag=a&'.repeat(101)}`,
    414,
    'SIZE_INVALID',
    manifestWith(),
  ],
  ['POST', `/v2/there/blobs/uploads/?digest=${zeros}`, 400, 'DIGEST_INVALID', { body: 'content' }],
  ['POST', `/v2/there/blobs/uploads/?digest=${zeros}`, 400, 'DIGEST_INVALID'],
  ['POST', '/v2/there/blobs/uploads/?digest=', 400, 'DIGEST_INVALID'],
  ['POST', '/v2/there/blobs/uploads/?digest-algorithm=md5', 400, 'DIGEST_INVALID'],
  ['POST', '/v2/there/blobs/uploads/?digest-algorithm=__proto__', 400, 'DIGEST_INVALID'],
];

const uploads: readonly Row[] = (['GET', 'PATCH', 'PUT', 'DELETE'] as const).flatMap((method) =>
  [
    'x',
    '0'.repeat(48),
    '..%2f..%2fetc',
    '7f3a8b1e-0000-4000-8000-000000000000',
    'a'.repeat(3000),
  ].map((session): Row => {
    const query = method === 'PUT' ? `?digest=${digestOf('x')}` : '';
    const path = `/v2/there/blobs/uploads/${session}${query}`;
    const sent = method === 'PATCH' || method === 'PUT' ? { body: 'x' } : {};
    return [method, path, 404, 'BLOB_UPLOAD_UNKNOWN', sent];
  }),
);

const unknown: readonly Row[] = [
  ['GET', '/v2/there/blobs/' + zeros, 404, 'BLOB_UNKNOWN'],
  ['DELETE', '/v2/there/blobs/' + zeros, 404, 'BLOB_UNKNOWN'],
  ['GET', '/v2/there/manifests/' + zeros, 404, 'MANIFEST_UNKNOWN'],
  ['DELETE', '/v2/there/manifests/' + zeros, 404, 'MANIFEST_UNKNOWN'],
  ['GET', '/v2/there/manifests/missing', 404, 'MANIFEST_UNKNOWN'],
  ['DELETE', '/v2/there/manifests/missing', 404, 'MANIFEST_UNKNOWN'],
  ['GET', '/v2/missing/manifests/missing', 404, 'MANIFEST_UNKNOWN'],
  ['GET', '/v2/missing/tags/list', 404, 'NAME_UNKNOWN'],
  ['GET', '/v2/missing', 404, 'NAME_UNKNOWN'],
  ['GET', '/v2//', 404, 'NAME_UNKNOWN'],
  ['GET', '/v2/there/tags/', 404, 'NAME_UNKNOWN'],
  ['GET', '/v2/there/manifests/', 404, 'NAME_UNKNOWN'],
  ['GET', '/v2/there/Tags/list', 404, 'NAME_UNKNOWN'],
  ['GET', '/v2/there/tags/%zz', 400, name400],
];

describe('a bad request', () => {
  let holdfast: Holdfast;
  let api: RegistryApi;
  let before: string;

  beforeAll(async () => {
    holdfast = await startHoldfast();
    api = new RegistryApi(holdfast.url);
    await api.pushImage('there', 'latest');
    before = await treeHash(holdfast.root);
  }, 60_000);

  afterAll(async () => {
    await holdfast?.stop();
  });

  it.each([
    ['names', names],
    ['digests', digests],
    ['tags', tags],
    ['numbers of pages', numbers],
    ['manifests', manifests],
    ['content', content],
    ['upload sessions', uploads],
    ['things that are not there', unknown],
  ])(
    'with bad %s is refused in the spec’s words and changes nothing',
    async (_what, rows) => {
      const wrong: unknown[] = [];
      for (const [method, path, status, code, sent] of rows) {
        const answer = await api.send(method, path, sent);
        const seen = [answer.status, errorOf(answer).code];
        const headers = [
          answer.headers['docker-distribution-api-version'],
          answer.headers['content-type'],
        ];
        const expected = [status, code, 'registry/2.0', 'application/json; charset=utf-8'];
        if ([...seen, ...headers].join() !== expected.join()) {
          wrong.push({ method, path: path.slice(0, 200), seen, headers, expected });
        }
        expect(answer.body.length).toBeLessThan(4000);
      }
      expect(wrong).toEqual([]);
      expect(await treeHash(holdfast.root)).toBe(before);
    },
    60_000,
  );

  it.each([
    ['POST', '/v2/', 'GET, HEAD'],
    ['TRACE', '/v2/', 'GET, HEAD'],
    ['PROPFIND', '/v2/there/tags/list', 'GET'],
    ['OPTIONS', '/v2/_catalog', 'GET'],
    ['DELETE', '/v2/_catalog', 'GET'],
    ['PUT', `/v2/there/blobs/${zeros}`, 'GET, HEAD, DELETE'],
    ['PATCH', '/v2/there/manifests/latest', 'GET, HEAD, PUT, DELETE'],
    ['POST', `/v2/there/referrers/${zeros}`, 'GET'],
    ['GET', '/v2/there/blobs/uploads/', 'POST'],
    ['GET', '/v2/there/blobs/uploads', 'POST'],
    ['DELETE', '/v2/there/blobs/uploads/', 'POST'],
    ['PUT', '/v2/there/blobs/uploads/', 'POST'],
    ['POST', '/v2/there/blobs/uploads/x', 'GET, PATCH, PUT, DELETE'],
  ])('%s %s is 405 and says what is allowed', async (method, path, allow) => {
    const answer = await api.send(method, path);
    expect([answer.status, answer.headers.allow]).toEqual([405, allow]);
    expect(errorOf(answer).code).toBe('UNSUPPORTED');
    expect(answer.headers['docker-distribution-api-version']).toBe('registry/2.0');
  });

  it.each(['digest[]', 'digest%00', 'Digest', '__proto__', 'constructor'])(
    'with the parameter %s is one without it',
    async (parameter) => {
      const path = `/v2/there/blobs/uploads/?${parameter}=${zeros}`;
      expect((await api.send('POST', path)).status).toBe(202);
      expect((await api.get(`/v2/_catalog?${parameter}=1`)).status).toBe(200);
    },
  );
});

function manifestWith(...layers: readonly string[]) {
  const descriptors = layers.map((digest) => ({ mediaType: 'a/b', digest, size: 1 }));
  const body = JSON.stringify(image({ layers: descriptors }));
  return { headers: { 'content-type': ociManifest }, body };
}
