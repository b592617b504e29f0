import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { formatScopes } from '#auth/scope.js';
import { NameInvalid } from '#oci/errors.js';

import { scopesOf, type ScopedRequest } from './scopes.js';

const request = (method: string, route: string, more: Partial<ScopedRequest> = {}) => ({
  method,
  route,
  name: route.includes(':name') ? 'library/alpine' : undefined,
  query: {},
  ...more,
});

describe('scopesOf', () => {
  it.each([
    ['GET', '/v2', ''],
    ['GET', '/v2/_catalog', 'registry:catalog:*'],
    ['GET', '/v2/:name/tags/list', 'repository:library/alpine:pull'],
    ['GET', '/v2/:name/referrers/:digest', 'repository:library/alpine:pull'],
    ['HEAD', '/v2/:name/manifests/:reference', 'repository:library/alpine:pull'],
    ['PUT', '/v2/:name/manifests/:reference', 'repository:library/alpine:pull,push'],
    ['DELETE', '/v2/:name/manifests/:reference', 'repository:library/alpine:delete'],
    ['GET', '/v2/:name/blobs/:digest', 'repository:library/alpine:pull'],
    ['DELETE', '/v2/:name/blobs/:digest', 'repository:library/alpine:delete'],
    ['POST', '/v2/:name/blobs/uploads', 'repository:library/alpine:pull,push'],
    ['PATCH', '/v2/:name/blobs/uploads/:session', 'repository:library/alpine:pull,push'],
    ['GET', '/v2/:name/blobs/uploads/:session', 'repository:library/alpine:pull'],
    ['DELETE', '/v2/:name/blobs/uploads/:session', 'repository:library/alpine:delete'],
    ['GET', '/something/new', ''],
  ])('%s %s needs "%s"', (method, route, scopes) => {
    const needed = scopesOf(request(method, route));
    expect(formatScopes(needed?.required ?? [])).toBe(scopes);
    expect(needed).toMatchObject({ wished: [] });
  });

  it.each(['/', '/startupz', '/livez', '/readyz'])('leaves %s open', (route) => {
    expect(scopesOf(request('GET', route))).toBeUndefined();
  });

  it('wishes to pull from where a blob is mounted', () => {
    const query = { mount: 'sha256:0', from: 'base' };
    const needed = scopesOf(request('POST', '/v2/:name/blobs/uploads', { query }));
    expect(formatScopes(needed?.wished ?? [])).toBe('repository:base:pull');
  });

  it.each([
    ['from alone', { from: 'base' }],
    ['mount alone', { mount: 'sha256:0' }],
    ['a from that is no name', { mount: 'sha256:0', from: 'base:pull repository:other' }],
    ['an empty from', { mount: 'sha256:0', from: '' }],
  ])('wishes nothing for %s', (_what, query) => {
    const needed = scopesOf(request('POST', '/v2/:name/blobs/uploads', { query }));
    expect(needed?.wished).toEqual([]);
  });

  it('refuses a method that it has no action for', () => {
    expect(() => scopesOf(request('PURGE', '/v2/:name/blobs/:digest'))).toThrow('PURGE');
  });

  it('makes no scope from what is not a repository name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (noise) => {
        const name = `app:pull ${noise}`;
        expect(() => scopesOf(request('GET', '/v2/:name/blobs/:digest', { name }))).toThrow(
          NameInvalid,
        );
      }),
    );
  });
});
