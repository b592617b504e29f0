import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { errorOf } from '../support/exchange.js';
import { startHoldfast, type Holdfast } from '../support/holdfast.js';
import { digestOf, image, RegistryApi } from '../support/registry-api.js';

const content = 'content';
const digest = digestOf(content);
const uploads = '/v2/library/app/blobs/uploads/';

describe('an upload', () => {
  let holdfast: Holdfast;
  let api: RegistryApi;

  beforeAll(async () => {
    holdfast = await startHoldfast();
    api = new RegistryApi(holdfast.url);
    await api.pushBlob('library/source', Buffer.from(content));
  }, 60_000);

  afterAll(async () => {
    await holdfast?.stop();
  });

  // As Distribution; distribution-spec, §"Mounting a blob from another repository".
  it.each([
    ['from nowhere', `mount=${digest}&from=`],
    ['from outside', `mount=${digest}&from=../source`],
    ['from a name that is none', `mount=${digest}&from=Library`],
    ['of half a digest', 'mount=sha256:00&from=library/source'],
    ['of a digest of another kind', `mount=md5:${'0'.repeat(32)}&from=library/source`],
    ['of no digest', 'mount=&from=library/source'],
    ['of nothing', 'mount'],
    ['of half a digest, from anywhere', 'mount=sha256:00'],
    ['of half a digest, beside a whole one', `mount=sha256:00&digest=${digest}`],
  ])('begins where a mount %s cannot be', async (_what, query) => {
    const begun = await api.send('POST', `${uploads}?${query}`);
    expect([begun.status, begun.headers.range]).toEqual([202, '0-0']);
    const place = begun.headers.location ?? '';
    expect((await api.get(place)).status).toBe(204);
    const done = await api.send('PUT', `${place}&digest=${digest}`, { body: content });
    expect(done.status).toBe(201);
  });

  it('is whole in one request with a digest beside an empty mount', async () => {
    const done = await api.send('POST', `${uploads}?mount=&digest=${digest}`, { body: content });
    expect(done.status).toBe(201);
  });

  it.each([';;;', 'nonsense', 'a/b/c', '/', 'application/octet-stream; =', 'text/plain', ''])(
    'takes bytes whatever its Content-Type %p says',
    async (type) => {
      const headers = { 'content-type': type };
      const whole = `${uploads}?digest=${digest}`;
      expect((await api.send('POST', whole, { headers, body: content })).status).toBe(201);
      const begun = await api.send('POST', uploads, { headers });
      const place = begun.headers.location ?? '';
      const patched = await api.send('PATCH', place, { headers, body: content });
      expect(patched.status).toBe(202);
      const done = await api.send('PUT', `${patched.headers.location}&digest=${digest}`, {
        headers,
      });
      expect(done.status).toBe(201);
      const other = await api.begin('library/app');
      const sent = { headers: { ...headers, 'content-length': '1' }, body: 'x' };
      expect((await api.send('DELETE', other, sent)).status).toBe(204);
    },
  );

  it('does not make a manifest’s Content-Type as free', async () => {
    const path = '/v2/library/app/manifests/v1';
    for (const type of [';;;', 'nonsense', 'a/b/c', '/']) {
      const sent = { headers: { 'content-type': type }, body: JSON.stringify(image()) };
      const answer = await api.send('PUT', path, sent);
      expect([type, answer.status, errorOf(answer).code]).toEqual([type, 400, 'MANIFEST_INVALID']);
    }
  });

  it.each(['PUT', 'POST', 'PROPFIND', 'QUERY', 'OPTIONS'])(
    'is not what %s of something else becomes by its Content-Type',
    async (method) => {
      const sent = { headers: { 'content-type': ';;;' }, body: content };
      const answer = await api.send(method, '/v2/_catalog', sent);
      expect([answer.status, answer.headers.allow]).toEqual([405, 'GET']);
    },
  );
});
