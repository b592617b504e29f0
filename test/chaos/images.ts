import { sha256 } from './bytes.js';

export const manifestType = 'application/vnd.oci.image.manifest.v1+json';

export interface KnownImage {
  readonly repository: string;
  readonly digest: string;
  readonly body: Buffer;
  readonly blobs: readonly string[];
}

export function descriptorsOf(manifest: Buffer): readonly { readonly digest: string }[] {
  const { config, layers } = JSON.parse(manifest.toString()) as {
    config: { digest: string };
    layers: { digest: string }[];
  };
  return [config, ...layers];
}

export function manifestOf(blobs: readonly Buffer[]): Buffer {
  const [config, ...layers] = blobs.map((blob, index) => ({
    mediaType: `application/vnd.oci.image.${index === 0 ? 'config.v1+json' : 'layer.v1.tar'}`,
    digest: sha256(blob),
    size: blob.length,
  }));
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: manifestType, config, layers }));
}
