import { createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { tar } from './tar.js';

export interface ImageOptions {
  readonly layers?: number;
  /** Bytes of each layer's one file; random, so that they do not compress. */
  readonly layerSize?: number;
  /** One manifest for each of these architectures, below an index; without it a single image for amd64. */
  readonly architectures?: readonly string[];
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly os: string; readonly architecture: string };
}

/** An image or index with content that no other has, as the blobs of an OCI layout. */
export interface RandomImage {
  /** What a tag points at. */
  readonly root: Descriptor;
  readonly manifests: readonly Descriptor[];
  readonly blobs: ReadonlyMap<string, Buffer>;
}

const mediaTypes = {
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
};

export function randomImage({
  layers = 2,
  layerSize = 2000,
  architectures,
}: ImageOptions = {}): RandomImage {
  const blobs = new Map<string, Buffer>();
  const add = (mediaType: string, content: Buffer | object): Descriptor => {
    const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
    const digest = sha256(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const manifests = (architectures ?? ['amd64']).map((architecture) => {
    const archives = Array.from({ length: layers }, (_, index) =>
      tar([{ name: `layer-${index}`, content: randomBytes(layerSize) }]),
    );
    const config = add(mediaTypes.config, {
      architecture,
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: archives.map((archive) => sha256(archive)) },
    });
    const manifest = add(mediaTypes.manifest, {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config,
      layers: archives.map((archive) => add(mediaTypes.layer, gzipSync(archive))),
    });
    return { ...manifest, platform: { os: 'linux', architecture } };
  });
  const [first] = manifests;
  if (first === undefined) throw new Error('an index needs an architecture');
  const root =
    architectures === undefined
      ? first
      : add(mediaTypes.index, { schemaVersion: 2, mediaType: mediaTypes.index, manifests });
  return { root, manifests, blobs };
}

/** Writes an OCI layout that `skopeo copy oci:FOLDER:TAG` and others read. */
export async function writeLayout(folder: string, image: RandomImage, tag: string): Promise<void> {
  for (const [digest, content] of image.blobs) {
    const path = join(folder, 'blobs', digest.replace(':', '/'));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  const annotations = { 'org.opencontainers.image.ref.name': tag };
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(
    join(folder, 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...image.root, annotations }] }),
  );
}

export function sha256(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}
