import { describe, expect, it } from '@jest/globals';

import type { StoredManifest } from '#content/manifests/stored-manifest.js';
import { Digest } from '#oci/digest.js';
import { ManifestUnknown } from '#oci/errors.js';
import { parseManifest } from '#oci/manifest.js';
import { MediaType } from '#oci/media-type.js';
import { parseTag } from '#oci/reference.js';
import { parseRepositoryName } from '#oci/repository-name.js';

import { AcceptedTypes, childFor } from './manifest-negotiation.js';

const { ociManifest, ociIndex, dockerManifest, dockerManifestList } = MediaType;
const name = parseRepositoryName('a/b');
const child = Digest.of(Buffer.from('child'));

describe('AcceptedTypes', () => {
  it.each([
    ['*/*', ociIndex, true],
    ['application/*', ociIndex, true],
    [ociIndex, ociIndex, true],
    [`text/html , ${ociIndex}; q=0.5`, ociIndex, true],
    [ociIndex.toUpperCase(), ociIndex, true],
    [ociManifest, ociIndex, false],
    ['', ociIndex, false],
    ['text/*', ociIndex, false],
    [`x${ociIndex}`, ociIndex, false],
    [undefined, ociIndex, true],
    [undefined, dockerManifest, true],
    [undefined, dockerManifestList, false],
  ])('of %s include %s: %s', (header, type, included) => {
    expect(new AcceptedTypes(header).includes(type)).toBe(included);
  });
});

describe('childFor', () => {
  const stored = (mediaType: string, ...platforms: readonly string[]): StoredManifest => {
    const manifests = platforms.map((platform) => {
      const [os, architecture] = platform.split('/');
      const digest = platform === 'linux/amd64' ? child : Digest.of(Buffer.from(platform));
      return { mediaType: dockerManifest, digest, size: 1, platform: { os, architecture } };
    });
    const body = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
    return { digest: Digest.of(body), mediaType, body, manifest: parseManifest(body, mediaType) };
  };
  const list = stored(dockerManifestList, 'linux/arm64', 'windows/amd64', 'linux/amd64');
  const tagged = { name, reference: parseTag('latest') };
  const choose = (accept: string | undefined, what: StoredManifest, asked = tagged) =>
    childFor(new AcceptedTypes(accept), asked, what);

  it('is nothing where the client reads what there is', () => {
    expect(choose(dockerManifestList, list)).toBeUndefined();
    expect(choose(undefined, stored(ociIndex))).toBeUndefined();
  });

  it('is linux/amd64 of a manifest list that was asked for by tag', () => {
    expect(choose(dockerManifest, list)).toEqual(child);
    expect(choose(undefined, list)).toEqual(child);
    expect(() => choose(dockerManifest, stored(dockerManifestList, 'linux/arm64'))).toThrow(
      ManifestUnknown,
    );
  });

  it('is nothing for a manifest list that was asked for by digest', () => {
    const asked = { name, reference: list.digest };
    expect(childFor(new AcceptedTypes(dockerManifest), asked, list)).toBeUndefined();
  });

  it('is not there for a client that does not read OCI manifests', () => {
    expect(() => choose(dockerManifest, stored(ociIndex, 'linux/amd64'))).toThrow(ManifestUnknown);
  });
});
