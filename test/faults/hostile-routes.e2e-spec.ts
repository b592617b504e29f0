import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { errorOf } from '../support/exchange.js';
import { startHoldfast } from '../support/holdfast.js';
import { digestOf, image, ociManifest, RegistryApi } from '../support/registry-api.js';

/** By hand: CASES=100000. */
const cases = Number(process.env['CASES'] ?? 1500);

/** The grammar of names, safe to run on texts as short as these. */
const nameGrammar = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/;
const digestGrammar = /^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

const piece = fc.constantFrom(
  ..."a b0 library _uploads .. . - __ A é %2e%2e %2f %252f %00 %0d%0a ~ $ ' ; @".split(' '),
  ...'blobs uploads tags list manifests _catalog'.split(' '),
  '',
);
const name = fc.array(
  fc.array(piece, { minLength: 1, maxLength: 3 }).map((each) => each.join('')),
  {
    minLength: 1,
    maxLength: 4,
  },
);
const reference = fc.oneof(
  fc.array(piece, { minLength: 1, maxLength: 3 }).map((each) => each.join('').replaceAll('/', '')),
  fc.constantFrom(
    digestOf('x'),
    digestOf('x', 'sha512'),
    digestOf('x').toUpperCase(),
    'sha256:..%2f..',
  ),
  fc.constantFrom(
    `${digestOf('x')}0`,
    digestOf('x').slice(0, -1),
    't'.repeat(128),
    't'.repeat(129),
  ),
);
const methods = fc.constantFrom('GET', 'HEAD', 'PUT', 'DELETE', 'POST', 'PATCH');
const kinds = fc.constantFrom('manifests', 'blobs', 'blobs/uploads', 'referrers', 'tags');

describe('hostile routes (row H2)', () => {
  it(`lead nowhere else, ${cases} of them`, async () => {
    const holdfast = await startHoldfast();
    const outside = async () => (await readdir(dirname(holdfast.root))).toSorted();
    const before = await outside();
    const api = new RegistryApi(holdfast.url);
    const body = JSON.stringify(image());
    let answered = 0;
    try {
      await fc.assert(
        fc.asyncProperty(methods, name, kinds, reference, async (method, parts, kind, last) => {
          const repository = parts.join('/');
          const path = encodeURI(`/v2/${repository}/${kind}/${last}`).replaceAll('%25', '%');
          const sent = method === 'PUT' ? { body, headers: { 'content-type': ociManifest } } : {};
          const answer = await api.send(method, path, sent);
          answered++;
          expect([path, answer.status]).toEqual([path, expect.any(Number)]);
          expect(answer.status).toBeLessThan(500);
          expect(answer.headers['docker-distribution-api-version']).toBe('registry/2.0');
          const hasCode = answer.status >= 400 && method !== 'HEAD';
          expect(hasCode ? errorOf(answer).code : 'NONE').toMatch(/^[A-Z_]+$/);
          const plain = kind === 'manifests' && last !== '' && /^[^%]+$/.test(repository);
          if (!plain || method !== 'GET') return;
          const known = nameGrammar.test(repository) && repository.length <= 255;
          const code = known ? referenceCode(last) : 'NAME_INVALID';
          expect([path, errorOf(answer).code]).toEqual([path, code]);
        }),
        { numRuns: cases },
      );
      expect(answered).toBeGreaterThanOrEqual(cases);
      expect(await outside()).toEqual(before);
      // What was written lies where names lie, and nothing of it has a name that is none.
      const catalog = await api.pages('/v2/_catalog', 'repositories');
      expect(catalog.pages.flat().filter((each) => !nameGrammar.test(each))).toEqual([]);
    } finally {
      await holdfast.stop();
    }
  }, 3_600_000);
});

/** A tag that cannot be one names nothing; a text with a colon can only be a digest. */
function referenceCode(text: string): string {
  const plain = decodeURIComponent(text);
  return plain.includes(':') && !digestGrammar.test(plain) ? 'DIGEST_INVALID' : 'MANIFEST_UNKNOWN';
}
