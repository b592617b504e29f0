import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import fastify, { type FastifyInstance } from 'fastify';

import { isRepositoryName } from '#oci/repository-name.js';

import { foldRepositoryName } from './fold-repository-name.js';
import { routerOptions } from './router-options.js';

const open: FastifyInstance[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

interface Match {
  readonly route: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** A router as the application has it, which answers what it matched. */
async function router(prefix?: string) {
  const server = fastify(routerOptions(prefix));
  for (const route of [
    '/v2',
    '/v2/_catalog',
    '/v2/:name/tags/list',
    '/v2/:name/manifests/:reference',
    '/v2/:name/blobs/:digest',
    '/v2/:name/blobs/uploads',
    '/v2/:name/blobs/uploads/:id',
    '/v2/:name/referrers/:digest',
  ]) {
    server.get(route, (request) => ({ route, parameters: request.params, query: request.query }));
  }
  open.push(server);
  await server.listen({ port: 0, host: '127.0.0.1' });
  const { port } = server.addresses()[0] as AddressInfo;
  // `inject` would normalise the URL first.
  return (path: string): Promise<Match | number> =>
    new Promise((resolve, reject) => {
      request({ port, path, agent: false }, (answer) => {
        const body = json(answer).then((found) =>
          answer.statusCode === 200 ? (found as Match) : (answer.statusCode ?? 0),
        );
        body.then(resolve, reject);
      })
        .on('error', reject)
        .end();
    });
}

const digest = `sha256:${'a'.repeat(64)}`;

/** The path with some of its characters, counted from the end, written as escapes; its first slash stays. */
function escapedAt(text: string, indices: readonly number[]): string {
  const fromEnd = new Set(indices.map((index) => Math.max(text.length - 1 - index, 1)));
  return text.replaceAll(/./g, (character, index: number) => {
    const code = character.charCodeAt(0).toString(16);
    return fromEnd.has(index) ? `%${index % 2 === 0 ? code : code.toUpperCase()}` : character;
  });
}

describe('foldRepositoryName', () => {
  it.each([
    ['/v2/', '/v2'],
    ['/v2/?a=/', '/v2?a=/'],
    ['/v2/_catalog?n=5', '/v2/_catalog?n=5'],
    ['/v2/alpine/manifests/3.22', '/v2/alpine/manifests/3.22'],
    ['/v2/library/alpine/manifests/3.22', '/v2/library%2Falpine/manifests/3.22'],
    ['/v2/a/b/c/blobs/uploads/?digest=x/y', '/v2/a%2Fb%2Fc/blobs/uploads?digest=x/y'],
    ['/v2/a/b/blobs/uploads?from=c/d', '/v2/a%2Fb/blobs/uploads?from=c/d'],
    ['/v2/a/b/tags/list#x/y', '/v2/a%2Fb/tags/list#x/y'],
    ['/v2/a/blobs/uploads/', '/v2/a/blobs/uploads'],
    ['http://any.example/v2/a/b/tags/list', '/v2/a%2Fb/tags/list'],
    ['http://any.example', '/'],
    ['HTTPS://any.example?a=/v2/b/tags/list', '/?a=/v2/b/tags/list'],
    ['ftp://any.example/v2/a/tags/list', '/v2/%'],
    ['xv2/a/tags/list', '/v2/%'],
    ['', '/v2/%'],
    ['*', '*'],
    ['/', '/'],
    ['/livez/', '/livez'],
    ['/readyz/?a=/', '/readyz?a=/'],
    ['http://any.example/startupz/#/', '/startupz#/'],
    ['/livez//', '/livez//'],
    ['/livez%2F', '/livez%252F'],
    ['/other/livez/', '/other/livez/'],
    ['/v2/a/%74ags/list', '/v2/a/%2574ags/list'],
    ['/%76%32/a/tags/list?b=%41', '/%2576%2532/a/tags/list?b=%41'],
    ['/v2/a/blobs/sha256%3A%41', '/v2/a/blobs/sha256%3A%2541'],
    ['/v2/a/tags/%4', '/v2/%'],
    ['/v2/blobs/uploads/', '/v2/blobs/uploads/'],
    ['/v2/tags/list', '/v2/tags/list'],
  ])('%p becomes %p', (url, folded) => {
    expect(foldRepositoryName(url)).toBe(folded);
  });

  it('finds every repository under every name, the words of the API included', async () => {
    const ask = await router();
    const words = fc.constantFrom(
      'a',
      'b-c',
      'blobs',
      'uploads',
      'tags',
      'list',
      'manifests',
      'referrers',
      'v2',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(words, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('/')),
        words,
        async (name, reference) => {
          for (const [url, route, parameters] of [
            ['tags/list', 'tags/list', {}],
            [`manifests/${reference}`, 'manifests/:reference', { reference }],
            [`blobs/${digest}`, 'blobs/:digest', { digest }],
            [`blobs/${digest.replace(':', '%3A')}`, 'blobs/:digest', { digest }],
            ['blobs/uploads', 'blobs/uploads', {}],
            ['blobs/uploads/', 'blobs/uploads', {}],
            ['blobs/uploads/7f3', 'blobs/uploads/:id', { id: '7f3' }],
            [`referrers/${digest}`, 'referrers/:digest', { digest }],
          ] as const) {
            expect(await ask(`/v2/${name}/${url}?q=/1/`)).toEqual({
              route: `/v2/:name/${route}`,
              parameters: { name, ...parameters },
              query: { q: '/1/' },
            });
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it.each([
    ['/v2/a%2Fb/tags/list', 'a%2Fb'],
    ['/v2/a/%2e%2e/b/tags/list', 'a/%2e%2e/b'],
    ['/v2/a/../b/tags/list', 'a/../b'],
    ['/v2/a/%252e%252e%252fb/tags/list', 'a/%252e%252e%252fb'],
    ['/v2/a//b/tags/list', 'a//b'],
    ['/v2//a/tags/list', '/a'],
    ['/v2/a//tags/list', 'a/'],
    [`/v2/${'a/'.repeat(4000)}a/tags/list`, 'a/'.repeat(150)],
  ])('leaves the hostile name in %p for the grammar to refuse', async (url, name) => {
    const ask = await router();
    expect(await ask(url)).toMatchObject({ parameters: { name } });
  });

  it.each([
    '//v2/a/tags/list',
    '/v2/../v2/a/b',
    '/x/../v2/a/tags/list',
    '/v2/a/b/%74ags/list',
    '/v2/a/blobs//uploads/',
    '/v2/a/tags/list/',
    '/v2%2Fa/tags/list',
  ])('leads %p nowhere', async (url) => {
    const ask = await router();
    expect(await ask(url)).toBe(404);
  });

  it.each([undefined, '/team/reg/'])(
    'finds no repository but the one that a proxy reads in the path (http.prefix %p)',
    async (prefix) => {
      const ask = await router(prefix);
      const words = fc.constantFrom(...'a b-c blobs uploads tags list manifests v2'.split(' '));
      const name = fc.array(words, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
      const kind = fc.constantFrom(
        'tags/list',
        'manifests/v1',
        `blobs/${digest}`,
        'blobs/uploads/',
        'blobs/uploads/7f3',
        `referrers/${digest}`,
      );
      const begin = fc.constantFrom(`${prefix ?? '/'}v2/`, `${prefix ?? '/'}v2/`, '/v2/');
      const origin = fc.constantFrom('', '', 'http://a.example');
      const escapes = fc.array(fc.nat(60), { maxLength: 3 });
      const end = fc.constantFrom('', '/', '//', '?a=/v2/b/tags/list', '/?b', '#/c', '%2F', '/.');
      let found = 0;
      await fc.assert(
        fc.asyncProperty(origin, begin, name, kind, escapes, end, async (...parts) => {
          const [site, front, repository, rest, indices, tail] = parts;
          const path = escapedAt(`${front}${repository}/${rest}`, indices) + tail;
          const match = await ask(site + path);
          if (typeof match === 'number' || !isRepositoryName(match.parameters['name'] ?? ''))
            return;
          found++;
          const resource = match.route.slice('/v2/:name'.length).split('/:', 1)[0] ?? '';
          const seen = `${prefix ?? '/'}v2/${match.parameters['name']}${resource}`;
          expect(path.slice(0, seen.length)).toBe(seen);
        }),
        { numRuns: 1000 },
      );
      expect(found).toBeGreaterThan(50);
    },
    60_000,
  );

  it('takes http.prefix away, and leads nowhere without it', async () => {
    const ask = await router('/team/registry/');
    expect(await ask('/team/registry/v2/')).toMatchObject({ route: '/v2' });
    expect(await ask('/team/registry/v2/a/b/tags/list')).toMatchObject({
      parameters: { name: 'a/b' },
    });
    expect(await ask('/v2/')).toBe(404);
    expect(await ask('/v2/a/tags/list')).toBe(404);
    expect(await ask('/team/registry//v2/a/tags/list')).toBe(404);
  });

  it.each([
    ['slashes', `/v2/${'/'.repeat(32 * 1024)}tags/list`],
    ['escapes', `/v2/${'%2e'.repeat(10 * 1024)}/tags/list`],
    ['repeated resources', `/v2/${'blobs/uploads/'.repeat(2 * 1024)}`],
    ['separators', `/v2/${'a-a.'.repeat(8 * 1024)}!/manifests/x`],
  ])('reads 32 KiB of %s in under a millisecond', (_what, url) => {
    foldRepositoryName(url);
    const started = process.cpuUsage();
    for (let time = 0; time < 10; time++) foldRepositoryName(url);
    expect(process.cpuUsage(started).user / 1000 / 10).toBeLessThan(1);
  });
});
