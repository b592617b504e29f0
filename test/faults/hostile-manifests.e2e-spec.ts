import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { ManifestInvalid } from '#oci/errors.js';
import { parseManifest } from '#oci/manifest.js';
import { isMediaType, MediaType } from '#oci/media-type.js';

/** By hand: CASES=1000000. */
const cases = Number(process.env['CASES'] ?? 20_000);

const types = [...Object.values(MediaType), 'application/vnd.x+json', 'text/plain', '', undefined];
const digest = `sha256:${'0'.repeat(64)}`;

const odd = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    1.5,
    2,
    2 ** 53,
    1e300,
    '',
    'x',
    [],
    {},
    [[]],
    [null],
  ),
  fc.constantFrom<unknown>(digest, digest.toUpperCase(), 'sha256:../..', `md5:${'0'.repeat(32)}`),
  fc.constantFrom<unknown>(...types),
  fc.string({ unit: 'binary' }),
  fc.jsonValue(),
);
/** Mostly as the specification has it, at times anything else. */
const mostly = (usual: fc.Arbitrary<unknown>) =>
  fc.oneof({ arbitrary: usual, weight: 9 }, { arbitrary: odd, weight: 1 });
const maybe = (usual: fc.Arbitrary<unknown>) =>
  fc.option(mostly(usual), { nil: undefined, freq: 4 });

const platform = fc.record({
  os: mostly(fc.constant('linux')),
  architecture: mostly(fc.constant('amd64')),
});
const annotations = fc.dictionary(fc.string(), mostly(fc.string()), { maxKeys: 3 });
const descriptor = fc.record({
  mediaType: mostly(fc.constantFrom(...types)),
  digest: mostly(fc.constant(digest)),
  size: mostly(fc.nat()),
  urls: maybe(fc.array(fc.webUrl(), { maxLength: 2 })),
  platform: maybe(platform),
  annotations: maybe(annotations),
  artifactType: maybe(fc.constant('a/b')),
  data: maybe(fc.base64String()),
});
const document = fc.record({
  schemaVersion: mostly(fc.constantFrom(2, 2, 2, 1)),
  mediaType: maybe(fc.constantFrom(...types)),
  artifactType: maybe(fc.constant('a/b')),
  config: maybe(descriptor),
  layers: maybe(fc.array(descriptor, { maxLength: 3 })),
  manifests: maybe(fc.array(descriptor, { maxLength: 3 })),
  subject: maybe(descriptor),
  annotations: maybe(annotations),
  fsLayers: fc.option(odd, { nil: undefined, freq: 20 }),
});
/** What an editor with a grudge does to a text. */
const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  cut: fc.integer({ min: 0, max: 3 }),
  put: fc.constantFrom(
    '',
    '"',
    '\\',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '0',
    '\\u0041',
    '\n',
    '\0',
    'ſ',
    'K',
  ),
});
const text = fc.tuple(document, fc.array(edit, { maxLength: 2 })).map(([value, edits]) =>
  edits.reduce(
    (json, { at, cut, put }) => {
      const index = Math.floor(at * json.length);
      return json.slice(0, index) + put + json.slice(index + cut);
    },
    JSON.stringify(value) ?? '',
  ),
);

function parsed(body: Buffer, type: string | undefined) {
  try {
    return parseManifest(body, type);
  } catch (error) {
    if (error instanceof ManifestInvalid) return undefined;
    throw error;
  }
}

describe('hostile manifests (row H3)', () => {
  it(`are refused by name or understood, ${cases} of them`, () => {
    let understood = 0;
    let refused = 0;
    fc.assert(
      fc.property(text, fc.constantFrom(...types), (json, type) => {
        const body = Buffer.from(json);
        const manifest = parsed(body, type);
        if (manifest === undefined) {
          refused++;
          return;
        }
        understood++;
        // What is stored is answered: as a header, and as the same manifest to whoever reads it again.
        expect(isMediaType(manifest.mediaType)).toBe(true);
        const written = manifest.tellsMediaType ? undefined : manifest.mediaType;
        expect(parseManifest(body, written)).toEqual(manifest);
        const { layers, manifests, config } = manifest;
        expect(manifests.length > 0 && (layers.length > 0 || config !== undefined)).toBe(false);
        for (const { size } of [...layers, ...manifests])
          expect(Number.isSafeInteger(size)).toBe(true);
      }),
      { numRuns: cases },
    );
    // A test that only ever sees one of both shows nothing.
    expect(understood).toBeGreaterThan(cases / 100);
    expect(refused).toBeGreaterThan(cases / 100);
  }, 3_600_000);

  it('of bytes that are no text at all are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...types), (bytes, type) => {
        const text = Buffer.from(bytes).toString('latin1');
        fc.pre(!text.trimStart().startsWith('{'));
        expect(parsed(Buffer.from(bytes), type)).toBeUndefined();
      }),
      { numRuns: Math.min(cases, 5000) },
    );
  });
});
