import type { StoredManifest } from '#content/manifests/stored-manifest.js';
import type { Digest } from '#oci/digest.js';
import { ManifestUnknown } from '#oci/errors.js';
import { MediaType } from '#oci/media-type.js';
import type { Reference } from '#oci/reference.js';
import type { RepositoryName } from '#oci/repository-name.js';

const anything = new Set(['*/*', 'application/*']);

/** What a client's `Accept` header takes. One that sends none takes all but manifest lists, which are younger than the header's use. */
export class AcceptedTypes {
  readonly #types: ReadonlySet<string> | undefined;

  constructor(header: string | undefined) {
    this.#types =
      header === undefined
        ? undefined
        : new Set(
            header.split(',').map((type) => (type.split(';', 1)[0] ?? '').trim().toLowerCase()),
          );
  }

  includes(mediaType: string): boolean {
    if (this.#types === undefined) return mediaType !== MediaType.dockerManifestList;
    return this.#types.has(mediaType) || [...anything].some((type) => this.#types?.has(type));
  }
}

/**
 * The child to answer with in place of a manifest list that the client cannot read: linux/amd64, as Distribution does it;
 * undefined to answer with the manifest itself.
 *
 * @throws {ManifestUnknown} if there is nothing that the client can read
 */
export function childFor(
  accepted: AcceptedTypes,
  asked: { name: RepositoryName; reference: Reference },
  stored: StoredManifest,
): Digest | undefined {
  const { mediaType, manifest } = stored;
  if (accepted.includes(mediaType)) return undefined;
  const { name, reference } = asked;
  switch (mediaType) {
    case MediaType.ociManifest:
    case MediaType.ociIndex:
      throw new ManifestUnknown(
        name,
        `${reference.toString()}: there is one of type ${mediaType}, which the Accept header does not take`,
      );
    case MediaType.dockerManifestList: {
      if (typeof reference !== 'string') return undefined;
      const child = manifest?.manifests.find(
        ({ platform }) => platform?.architecture === 'amd64' && platform.os === 'linux',
      );
      if (child === undefined) throw new ManifestUnknown(name, reference);
      return child.digest;
    }
    default:
      return undefined;
  }
}
