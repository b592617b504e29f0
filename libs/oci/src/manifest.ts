import type { Descriptor } from './descriptor.js';
import { Digest } from './digest.js';
import { ManifestInvalid } from './errors.js';
import { scanJson } from './json-scan.js';
import {
  bareMediaType,
  isIndexMediaType,
  isMediaType,
  isSchema1MediaType,
  MediaType,
} from './media-type.js';

/** Bytes that a manifest may have at most (distribution-spec, §"Pushing Manifests": at least 4 MiB must be taken). */
export const maximumManifestSize = 4 * 1024 * 1024;

export interface Platform {
  readonly architecture: string;
  readonly os: string;
}

export interface ManifestDescriptor extends Descriptor {
  readonly urls: readonly string[];
  readonly platform: Platform | undefined;
  readonly artifactType: string | undefined;
}

/** What the registry needs to know of a manifest. Its bytes are never made anew from this. */
export interface Manifest {
  /** What it is answered as. */
  readonly mediaType: string;
  /** Whether the body alone, by its `mediaType` or its shape, tells the media type. */
  readonly tellsMediaType: boolean;
  /** Whether it has a `mediaType`, so that it cannot be of another type. */
  readonly declaresMediaType: boolean;
  /** `artifactType`, or the config's media type where that is not given (distribution-spec, §"Listing Referrers"). */
  readonly artifactType: string | undefined;
  readonly config: ManifestDescriptor | undefined;
  readonly layers: readonly ManifestDescriptor[];
  /** Children of an index. */
  readonly manifests: readonly ManifestDescriptor[];
  readonly subject: ManifestDescriptor | undefined;
  readonly annotations: Readonly<Record<string, string>> | undefined;
}

type JsonObject = Readonly<Record<string, unknown>>;

const unspecific = new Set<string>(['', MediaType.json, MediaType.octetStream, 'text/plain']);

/**
 * @param contentType the `Content-Type` it was pushed with, or the media type that was written down
 * @throws {ManifestInvalid}
 */
export function parseManifest(body: Uint8Array, contentType: string | undefined): Manifest {
  const { lookalike } = scanJson(body);
  const json = parseObject(body);
  const implied = impliedMediaType(json);
  const pushed = bareMediaType(contentType);
  const isSchema1 = json['schemaVersion'] === 1 && json['fsLayers'] !== undefined;
  if (isSchema1 || isSchema1MediaType(pushed) || isSchema1MediaType(implied ?? '')) {
    throw new ManifestInvalid(
      'Docker manifest schema 1 is not supported: push the image again with a client that writes schema 2 or OCI manifests',
      { mediaType: pushed || MediaType.dockerSchema1 },
    );
  }
  if (pushed === '' && contentType) throw new ManifestInvalid('the Content-Type cannot be read');
  const declared = json['mediaType'] ?? undefined;
  if (declared !== undefined && typeof declared !== 'string') {
    throw new ManifestInvalid('mediaType is not a string');
  }
  if (declared && !unspecific.has(pushed) && bareMediaType(declared) !== pushed) {
    throw new ManifestInvalid('Content-Type and the mediaType of the manifest differ', {
      contentType: pushed,
      mediaType: declared.slice(0, 200),
    });
  }
  const mediaType = declared || (unspecific.has(pushed) ? implied : pushed) || pushed;
  if (!mediaType) {
    throw new ManifestInvalid(
      'manifest has no media type: send it as Content-Type or as mediaType',
    );
  }
  // It becomes a header of every answer.
  if (!isMediaType(mediaType)) {
    throw new ManifestInvalid('mediaType is not a media type', {
      mediaType: mediaType.slice(0, 200),
    });
  }
  refuseAmbiguous(json, mediaType, lookalike);
  return {
    mediaType,
    tellsMediaType: mediaType === implied,
    declaresMediaType: Boolean(declared),
    ...contentOf(json, mediaType),
  };
}

/** What the body says of its own type, or implies by its shape; undefined when neither. */
function impliedMediaType(json: JsonObject): string | undefined {
  if (typeof json['mediaType'] === 'string' && json['mediaType'] !== '') return json['mediaType'];
  if (json['schemaVersion'] !== 2) return undefined;
  if (Array.isArray(json['manifests'])) return MediaType.ociIndex;
  if (isObject(json['config']) && Array.isArray(json['layers'])) return MediaType.ociManifest;
  return undefined;
}

/** CVE-2021-41190: a document that is an index to one reader and an image to another. */
function refuseAmbiguous(json: JsonObject, mediaType: string, lookalike: string | undefined): void {
  if (lookalike !== undefined && (isIndexMediaType(mediaType) || isImageMediaType(mediaType))) {
    throw new ManifestInvalid('manifest has a member that some clients take for another', {
      member: lookalike,
    });
  }
  const image = isGiven(json['layers']) || isGiven(json['config']);
  const index = isGiven(json['manifests']);
  if (image && index) {
    throw new ManifestInvalid('manifest has both layers or config and manifests');
  }
  if (isIndexMediaType(mediaType) ? image : isImageMediaType(mediaType) && index) {
    throw new ManifestInvalid('content of the manifest does not fit its media type', { mediaType });
  }
}

function isImageMediaType(mediaType: string): boolean {
  return mediaType === MediaType.ociManifest || mediaType === MediaType.dockerManifest;
}

function contentOf(
  json: JsonObject,
  mediaType: string,
): Omit<Manifest, 'mediaType' | 'tellsMediaType' | 'declaresMediaType'> {
  const known = isImageMediaType(mediaType) || isIndexMediaType(mediaType);
  if (known && json['schemaVersion'] !== 2) {
    throw new ManifestInvalid('schemaVersion is not 2', { schemaVersion: json['schemaVersion'] });
  }
  const isImage = isImageMediaType(mediaType);
  if (isImage && !isObject(json['config'])) throw new ManifestInvalid('config is missing');
  // Clients written in Go send an empty list as null.
  if (isImage && json['layers'] === undefined) throw new ManifestInvalid('layers is missing');
  if (isIndexMediaType(mediaType) && json['manifests'] === undefined) {
    throw new ManifestInvalid('manifests is missing');
  }
  const config = known ? optionalDescriptor(json['config'], 'config') : undefined;
  return {
    config,
    artifactType: artifactTypeOf(json, config),
    layers: known ? descriptors(json['layers'], 'layers') : [],
    manifests: known ? descriptors(json['manifests'], 'manifests') : [],
    subject: optionalDescriptor(json['subject'], 'subject'),
    annotations: annotationsOf(json['annotations']),
  };
}

function artifactTypeOf(
  json: JsonObject,
  config: ManifestDescriptor | undefined,
): string | undefined {
  const { artifactType } = json;
  if (isGiven(artifactType) && typeof artifactType !== 'string') {
    throw new ManifestInvalid('artifactType is not a string');
  }
  return typeof artifactType === 'string' && artifactType ? artifactType : config?.mediaType;
}

function descriptors(value: unknown, member: string): ManifestDescriptor[] {
  if (!isGiven(value)) return [];
  if (!Array.isArray(value)) throw new ManifestInvalid(`${member} is not a list`);
  return value.map((item, index) => descriptor(item, `${member}[${index}]`));
}

function optionalDescriptor(value: unknown, member: string): ManifestDescriptor | undefined {
  return isGiven(value) ? descriptor(value, member) : undefined;
}

function descriptor(value: unknown, member: string): ManifestDescriptor {
  if (!isObject(value)) throw new ManifestInvalid(`${member} is not a descriptor`);
  const { mediaType, size, urls, artifactType } = value;
  const digest = typeof value['digest'] === 'string' ? Digest.tryParse(value['digest']) : undefined;
  if (digest === undefined) {
    throw new ManifestInvalid(`${member} has no valid digest`, {
      digest: String(value['digest']).slice(0, 200),
    });
  }
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw new ManifestInvalid(`${member} has no valid size`, { digest: digest.toString() });
  }
  if (typeof mediaType !== 'string') {
    throw new ManifestInvalid(`${member} has no mediaType`, { digest: digest.toString() });
  }
  const areTexts =
    Array.isArray(urls) && urls.every((url): url is string => typeof url === 'string');
  if (isGiven(urls) && !areTexts) {
    throw new ManifestInvalid(`urls of ${member} is not a list of texts`, {
      digest: digest.toString(),
    });
  }
  return {
    mediaType,
    digest,
    size,
    urls: areTexts ? urls : [],
    platform: platformOf(value['platform']),
    artifactType: typeof artifactType === 'string' ? artifactType : undefined,
  };
}

function platformOf(value: unknown): Platform | undefined {
  if (!isObject(value)) return undefined;
  const { architecture, os } = value;
  if (typeof architecture !== 'string' || typeof os !== 'string') return undefined;
  return { architecture, os };
}

function annotationsOf(value: unknown): Readonly<Record<string, string>> | undefined {
  if (!isObject(value)) return undefined;
  const entries = Object.entries(value).filter((entry) => typeof entry[1] === 'string');
  return Object.fromEntries(entries) as Record<string, string>;
}

function parseObject(body: Uint8Array): JsonObject {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
  } catch (error) {
    throw new ManifestInvalid('manifest is not valid JSON', undefined, { cause: error });
  }
  if (!isObject(json)) throw new ManifestInvalid('manifest is not a JSON object');
  return json;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}
