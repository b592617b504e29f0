import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { errorOf } from '../support/exchange.js';
import { startHoldfast, type Holdfast } from '../support/holdfast.js';
import { image, ociManifest, RegistryApi } from '../support/registry-api.js';

const escaped = (character: string) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
const put = { headers: { 'content-type': ociManifest }, body: JSON.stringify(image()) };

describe('a URL', () => {
  let holdfast: Holdfast;
  let api: RegistryApi;
  let digest: string;

  beforeAll(async () => {
    holdfast = await startHoldfast();
    api = new RegistryApi(holdfast.url);
    ({ digest } = await api.pushImage('team/secret', 'v1'));
    await api.pushImage('app', 'v1');
  }, 60_000);

  afterAll(async () => {
    await holdfast?.stop();
  });

  it.each([
    ['GET', '/v2/team%2Fsecret/tags/list', 400, 'NAME_INVALID'],
    ['GET', '/v2/team%2Fsecret/tags/list/', 404, 'NAME_UNKNOWN'],
    ['GET', '/v2/team%2Fsecret/manifests/v1/', 404, 'NAME_UNKNOWN'],
    ['PUT', '/v2/team%2Fsecret/manifests/pwn/', 404, 'NAME_UNKNOWN'],
    ['GET', '/v2/team%2Fsecret/%74ags/list', 404, 'NAME_UNKNOWN'],
    ['DELETE', '/v2/team%2Fsecret/%6danifests/v1', 404, 'NAME_UNKNOWN'],
    ['POST', '/v2/team%2Fsecret/%62lobs/uploads/', 404, 'NAME_UNKNOWN'],
    ['POST', '/v2/team%2Fsecret/blobs/%75ploads/', 404, 'NAME_UNKNOWN'],
    ['POST', '/v2/team/secret/blobs/%75ploads', 405, 'UNSUPPORTED'],
    ['GET', '/%76%32/team%2Fsecret/tags/list', 404, 'NAME_UNKNOWN'],
    ['GET', '/%76%32/', 404, 'NAME_UNKNOWN'],
    ['GET', '/v2/%5Fcatalog', 404, 'NAME_UNKNOWN'],
    ['GET', '/v2/team%2Fsecret/tags/%zz', 400, 'NAME_INVALID'],
  ])('%s %s reaches no repository', async (method, path, status, code) => {
    const answer = await api.send(method, path, method === 'PUT' ? put : {});
    expect([answer.status, answer.headers.location]).toEqual([status, undefined]);
    expect(errorOf(answer).code).toBe(code);
  });

  it('means something only as it is written, but for the colon of a digest', async () => {
    const wrong: unknown[] = [];
    for (const path of [
      '/v2/team/secret/tags/list',
      '/v2/team/secret/manifests/v1',
      `/v2/team/secret/manifests/${digest}`,
      '/v2/_catalog',
    ]) {
      expect((await api.get(path)).status).toBe(200);
      for (let index = 1; index < path.length; index++) {
        const character = path.charAt(index);
        const url = path.slice(0, index) + escaped(character) + path.slice(index + 1);
        const { status } = await api.get(url);
        if ((character === ':') !== (status === 200) || status >= 500) wrong.push([url, status]);
      }
    }
    expect(wrong).toEqual([]);
  }, 60_000);

  it.each([
    ['/v2/_catalog/?n=3', '/v2/_catalog?n=3'],
    ['/v2/app/tags/list/', '/v2/app/tags/list'],
    ['/v2/team/secret/tags/list/?n=1&last=a/', '/v2/team/secret/tags/list?n=1&last=a/'],
    ['/v2/team/secret/manifests/v1/', '/v2/team/secret/manifests/v1'],
  ])('with a slash too many, %s, is told of the one without', async (path, location) => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await api.send(method, path);
      expect([answer.status, answer.headers.location]).toEqual([301, holdfast.url + location]);
    }
    expect((await api.get(location)).status).toBe(200);
  });

  it.each([
    ['PUT', '/v2/app/manifests/v2/'],
    ['PUT', '/v2/team/secret/manifests/v2/'],
    ['DELETE', '/v2/app/manifests/v1/'],
    ['GET', '/v2/app/'],
    ['GET', '/v2/app/manifests/'],
    ['GET', '/v2/app/tags/list//'],
    ['GET', '//v2/app/tags/list/'],
    ['GET', '/'.repeat(20)],
  ])('with a slash too many is nothing else: %s %s', async (method, path) => {
    const answer = await api.send(method, path, method === 'PUT' ? put : {});
    expect([answer.status, answer.headers.location]).toEqual([404, undefined]);
    expect((await api.get('/v2/app/manifests/v1')).status).toBe(200);
    expect((await api.get('/v2/app/manifests/v2')).status).toBe(404);
  });

  it.each(['/v2', '/v2/', '/'])('%s is the place to ask', async (path) => {
    expect((await api.get(path)).status).toBe(200);
  });

  it.each(['/livez/', '/readyz/?full', '/startupz/'])(
    '%s is answered as without its slash: a load balancer follows no redirect',
    async (path) => {
      for (const method of ['GET', 'HEAD']) {
        const answer = await api.send(method, path);
        expect([answer.status, answer.headers.location]).toEqual([200, undefined]);
      }
      const refused = await api.send('PUT', path);
      expect([refused.status, refused.headers.allow]).toEqual([405, 'GET, HEAD']);
      expect((await api.get(path.replace('/', '//'))).status).toBe(404);
    },
  );

  it.each(['[fe80::1%25eth0]:5000', '[fe80::1%eth0]:5000'])(
    'at the host %s is answered, and no Location names that host',
    async (host) => {
      expect((await api.send('GET', '/v2/', { headers: { host } })).status).toBe(200);
      const begun = await api.send('POST', '/v2/app/blobs/uploads/', { headers: { host } });
      expect([begun.status, begun.headers.location]).toEqual([
        202,
        expect.stringMatching(/^\/v2\/app\/blobs\/uploads\//),
      ]);
    },
  );

  it('of a proxy is read as its path', async () => {
    const ask = async (url: string) => (await api.get(url)).body.toString();
    expect(await ask('http://any.example/v2/team/secret/tags/list')).toMatch(/team\/secret/);
    expect(await ask('HTTP://any.example/v2/team/secret/tags/list')).toMatch(/team\/secret/);
    expect(await ask('http://any.example?/v2/team/secret/tags/list')).toBe('');
    expect(await ask('http://any.example/?/v2/team/secret/tags/list')).toBe('');
  });
});

describe('a URL below http.prefix', () => {
  it('is the only one that leads anywhere', async () => {
    const headers = { 'X-Added': ['a'] };
    const holdfast = await startHoldfast({ config: { http: { prefix: '/team/reg/', headers } } });
    try {
      const api = new RegistryApi(holdfast.url);
      const begun = await api.send('POST', '/team/reg/v2/a/b/blobs/uploads/');
      expect(begun.status).toBe(202);
      for (const path of [
        '/v2/',
        '/%76%32/',
        '/v2/_catalog',
        '/%762/_catalog',
        '/team%2Freg/v2/',
      ]) {
        expect([path, (await api.get(path)).status]).toEqual([path, 404]);
      }
      const answer = await api.get('/team/reg/v2/_catalog/');
      expect(answer.headers.location).toBe(`${holdfast.url}/team/reg/v2/_catalog`);
      expect((await api.get('/v2/_catalog/')).headers.location).toBeUndefined();
      for (const path of ['/livez/', '/team/reg/readyz/']) {
        expect([path, (await api.get(path)).status]).toEqual([path, 200]);
      }
      for (const path of [
        '/team/reg/v2/',
        '/team/reg/v2/_catalog/',
        '/v2/',
        '/%zz',
        `/${'a'.repeat(17_000)}`,
      ]) {
        const { 'x-added': added } = (await api.get(path)).headers;
        expect([path.slice(0, 99), added]).toEqual([path.slice(0, 99), 'a']);
      }
    } finally {
      await holdfast.stop();
    }
  }, 60_000);
});
