import { describe, expect, it } from '@jest/globals';

import { ManifestInvalid } from './errors.js';
import { maximumManifestSize, parseManifest } from './manifest.js';
import { MediaType } from './media-type.js';

const digest = `sha256:${'0'.repeat(64)}`;
const descriptor = { mediaType: 'application/octet-stream', digest, size: 3 };
const image = { schemaVersion: 2, config: descriptor, layers: [descriptor] };
const index = { schemaVersion: 2, manifests: [descriptor] };
const { ociManifest, ociIndex, dockerManifest, dockerManifestList } = MediaType;

const parse = (value: object | string, contentType?: string) =>
  parseManifest(
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
    contentType,
  );

describe('parseManifest', () => {
  describe('the media type', () => {
    it.each([
      ['as pushed', image, dockerManifest, dockerManifest, false],
      ['as pushed, and as the shape says', image, ociManifest, ociManifest, true],
      ['without parameters', image, `${ociManifest}; charset=utf-8`, ociManifest, true],
      ['whatever its case', image, 'Application/VND.oci.image.manifest.v1+JSON', ociManifest, true],
      ['from the body', { ...image, mediaType: dockerManifest }, undefined, dockerManifest, true],
      ['from the body', { ...image, mediaType: ociManifest }, 'text/plain', ociManifest, true],
      ['from the shape', image, 'application/json', ociManifest, true],
      ['from the shape', index, undefined, ociIndex, true],
      ['an empty one counts as none', { ...index, mediaType: '' }, undefined, ociIndex, true],
      ['null counts as none', { ...index, mediaType: null }, undefined, ociIndex, true],
      [
        'one that nobody knows',
        { a: 1 },
        'application/vnd.x+json',
        'application/vnd.x+json',
        false,
      ],
      ['one that nobody knows', { mediaType: 'x/y' }, undefined, 'x/y', true],
      ['no better one', { a: 1 }, 'application/json', 'application/json', false],
    ])('is %s', (_what, body, pushed, mediaType, tellsMediaType) => {
      expect(parse(body, pushed)).toMatchObject({ mediaType, tellsMediaType });
    });

    it.each([
      ['differs from the body’s', { ...image, mediaType: ociManifest }, dockerManifest],
      ['is an index’s for an image', image, ociIndex],
      ['is an index’s for an image', { ...image, mediaType: ociIndex }, ociIndex],
      ['is an image’s for an index', index, ociManifest],
      ['is an image’s for an index', { ...index, mediaType: dockerManifest }, undefined],
      ['is missing', { a: 1 }, undefined],
      ['is a number', { ...image, mediaType: 2 }, undefined],
      ['is no media type', { ...image, mediaType: 'manifest' }, undefined],
      ['is two lines', { a: 1, mediaType: 'a/b\r\nset-cookie: c=d' }, undefined],
      ['is no header', { a: 1, mediaType: 'a/\u{1f600}' }, undefined],
      ['is nothing a header may be', { a: 1 }, 'a b/c'],
    ])('is refused when it %s', (_what, body, pushed) => {
      expect(() => parse(body, pushed)).toThrow(ManifestInvalid);
    });
  });

  describe('CVE-2021-41190, one document and two readings', () => {
    const both = { schemaVersion: 2, config: descriptor, layers: [], manifests: [descriptor] };

    it.each([ociManifest, ociIndex, dockerManifest, dockerManifestList, undefined, 'x/y'])(
      'is refused as %s',
      (type) => {
        expect(() => parse(both, type)).toThrow('both layers or config and manifests');
        expect(() => parse({ ...both, layers: undefined }, type)).toThrow(ManifestInvalid);
      },
    );

    it.each([
      [{ ...index, Layers: [descriptor] }, ociIndex],
      [{ ...index, CONFIG: descriptor }, dockerManifestList],
      [{ ...image, Manifests: [] }, ociManifest],
      [{ ...image, MediaType: ociIndex }, ociManifest],
      [{ ...image, ['layer\u017f']: [] }, ociManifest],
    ])('is refused when only a reader that ignores case sees the second: %j', (body, type) => {
      expect(() => parse(body, type)).toThrow(ManifestInvalid);
    });

    it('is no business of a type that no client reads so', () => {
      expect(parse({ Config: 1, Data: 2 }, 'application/vnd.x+json').layers).toEqual([]);
    });

    it('is not seen in a list that is null, as Go writes an empty one', () => {
      expect(parse({ ...image, layers: null }, ociManifest).layers).toEqual([]);
      expect(parse({ ...image, manifests: null }, ociManifest).layers).toHaveLength(1);
      expect(parse({ schemaVersion: 2, manifests: null }, ociIndex).manifests).toEqual([]);
    });
  });

  describe('Docker schema 1', () => {
    it.each([
      [{ schemaVersion: 1, fsLayers: [], history: [] }, undefined],
      [{ schemaVersion: 1, fsLayers: [] }, dockerManifest],
      [{ schemaVersion: 1, name: 'a' }, MediaType.dockerSchema1],
      [{ schemaVersion: 1, name: 'a' }, MediaType.dockerSchema1Signed],
      [{ mediaType: MediaType.dockerSchema1 }, undefined],
    ])('is refused by name: %j as %s', (body, type) => {
      expect(() => parse(body, type)).toThrow('schema 1 is not supported');
    });
  });

  describe('content', () => {
    it('of an image is its config, layers, subject, artifact type and annotations', () => {
      const parsed = parse(
        {
          ...image,
          mediaType: ociManifest,
          artifactType: 'a/b',
          subject: { ...descriptor, size: 7 },
          annotations: { a: 'b', c: 4 },
          custom: { anything: [1, null] },
        },
        ociManifest,
      );
      expect(parsed.config?.digest.toString()).toBe(digest);
      expect(parsed.layers.map(({ size }) => size)).toEqual([3]);
      expect(parsed.subject?.size).toBe(7);
      expect(parsed.artifactType).toBe('a/b');
      expect(parsed.annotations).toEqual({ a: 'b' });
    });

    it('has the config’s media type for an artifact type where none is given', () => {
      const config = { ...descriptor, mediaType: 'c/d' };
      expect(parse({ ...image, config }).artifactType).toBe('c/d');
      expect(parse({ ...image, config, artifactType: '' }).artifactType).toBe('c/d');
      expect(parse({ ...image, config, artifactType: null }).artifactType).toBe('c/d');
      expect(parse(index).artifactType).toBeUndefined();
    });

    it('of an index is its children with their platforms', () => {
      const platform = { os: 'linux', architecture: 'amd64', variant: 'v8' };
      const { manifests } = parse({
        ...index,
        manifests: [
          { ...descriptor, platform },
          { ...descriptor, platform: { os: 1 } },
        ],
      });
      expect(manifests.map((each) => each.platform)).toEqual([
        { os: 'linux', architecture: 'amd64' },
        undefined,
      ]);
    });

    it('may name itself __proto__ and changes nothing', () => {
      const body = `{"schemaVersion":2,"manifests":[],"__proto__":{"config":{}},"annotations":{"__proto__":"x"}}`;
      const { annotations, config } = parse(body, ociIndex);
      expect(config).toBeUndefined();
      expect(Object.keys(annotations ?? {})).toEqual(['__proto__']);
      expect(Object.getPrototypeOf({})).toBe(Object.prototype);
    });

    it.each([
      ['no schemaVersion', { ...image, schemaVersion: undefined }, ociManifest],
      ['schemaVersion 3', { ...image, schemaVersion: 3 }, ociManifest],
      ['schemaVersion as text', { ...image, schemaVersion: '2' }, ociManifest],
      ['no config', { ...image, config: undefined }, ociManifest],
      ['config null', { ...image, config: null }, ociManifest],
      ['config as a list', { ...image, config: [] }, ociManifest],
      ['no layers', { ...image, layers: undefined }, ociManifest],
      ['layers as an object', { ...image, layers: {} }, ociManifest],
      ['a layer that is null', { ...image, layers: [null] }, ociManifest],
      ['a layer that is text', { ...image, layers: [digest] }, ociManifest],
      ['no manifests', { schemaVersion: 2 }, ociIndex],
      ['manifests as text', { schemaVersion: 2, manifests: 'x' }, ociIndex],
      ['a subject that is text', { ...image, subject: digest }, ociManifest],
      ['a subject without digest', { ...image, subject: { mediaType: 'a/b', size: 1 } }, 'x/y'],
      ['artifactType as a number', { ...image, artifactType: 1 }, ociManifest],
    ])('is refused with %s', (_what, body, type) => {
      expect(() => parse(body, type)).toThrow(ManifestInvalid);
    });

    it.each([
      ['no digest', { digest: undefined }],
      ['a digest that is a list', { digest: [digest] }],
      ['a digest that is a path', { digest: 'sha256:../../etc/passwd' }],
      ['a digest of an unknown algorithm', { digest: `md5:${'0'.repeat(32)}` }],
      ['no size', { size: undefined }],
      ['a negative size', { size: -1 }],
      ['half a byte', { size: 1.5 }],
      ['a size as text', { size: '3' }],
      ['a size that rounds', { size: 2 ** 53 }],
      ['no media type', { mediaType: undefined }],
      ['urls as text', { urls: 'http://x' }],
      ['an url that is none', { urls: [1] }],
    ])('is refused with a descriptor with %s', (_what, change) => {
      expect(() => parse({ ...image, layers: [{ ...descriptor, ...change }] })).toThrow(
        ManifestInvalid,
      );
    });

    it.each(['', ' ', 'null', '[]', '"text"', '1', '{', '{"a":}', "{'a':1}", '\ufeff{}', '{}{}'])(
      'is refused when it is %j',
      (text) => {
        expect(() => parse(text, ociManifest)).toThrow(ManifestInvalid);
      },
    );
  });

  describe('4 MiB of', () => {
    const fill = (start: string, part: string, end = '') => {
      const count = Math.floor((maximumManifestSize - start.length - end.length) / part.length);
      return Buffer.from(start + part.repeat(count) + end);
    };
    const layer = (id: number) =>
      `{"mediaType":"a/b","digest":"sha256:${String(id).padStart(64, '0')}","size":1}`;
    const layers = Array.from({ length: 32_000 }, (_, id) => layer(id)).join(',');
    const keys = Array.from({ length: 99_990 }, (_, id) => `"k${id}":1`).join(',');

    // A generous factor: 47 ms was the most that was measured on a machine that does nothing else.
    const mostMs = 250;
    const threadMs = () => {
      const { user, system } = process.threadCpuUsage();
      return (user + system) / 1000;
    };

    it.each([
      ['brackets', fill('', '[')],
      ['closing brackets', fill('', ']')],
      ['braces', fill('', '{"a":')],
      ['numbers', fill('{"a":[1', ',1', ']}')],
      ['empty lists', fill('{"a":[[]', ',[]', ']}')],
      ['empty objects', fill('{"a":[{}', ',{}', ']}')],
      ['empty texts', fill('{"a":[""', ',""', ']}')],
      ['one text', fill('{"a":"', 'x', '"}')],
      ['quotes', fill('{"a":"', '\\"', '"}')],
      ['backslashes', fill('{"a":"', '\\\\', '"}')],
      ['escapes', fill('{"a":"', '\\u0041', '"}')],
      ['one number', fill('{"a":1', '0', '}')],
      ['spaces', fill('{"a":1', ' ', '}')],
      ['members', Buffer.from(`{${keys},"x":"${'x'.repeat(2_500_000)}"}`)],
      ['layers', Buffer.from(`{"schemaVersion":2,"config":${layer(0)},"layers":[${layers}]}`)],
    ])('%s costs little time (row G9)', (_what, body) => {
      const took = [1, 2, 3].map(() => {
        const began = threadMs();
        try {
          parseManifest(body, ociManifest);
        } catch (error) {
          if (!(error instanceof ManifestInvalid)) throw error;
        }
        return threadMs() - began;
      });
      expect(Math.min(...took)).toBeLessThan(mostMs);
    });
  });
});
