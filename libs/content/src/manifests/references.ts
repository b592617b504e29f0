import { ManifestBlobUnknown, ManifestInvalid } from '#oci/errors.js';
import type { Manifest, ManifestDescriptor, Platform } from '#oci/manifest.js';
import { isIndexMediaType, MediaType } from '#oci/media-type.js';
import type { RepositoryName } from '#oci/repository-name.js';
import type { StorageDriver } from '#storage/storage-driver.js';

import type { BlobStore } from '../blobs/blob-store.js';
import { isBucket } from '../is-bucket.js';
import { canConfirm, readLink } from '../links.js';
import { blobDataPath, blobLinkPath, revisionLinkPath } from '../paths.js';
import { sideBySide } from '../side-by-side.js';

/** What of a manifest's references must be there (`validation` of the configuration). */
export interface ValidationRules {
  readonly disabled: boolean;
  readonly urls: { readonly allow: readonly RegExp[]; readonly deny: readonly RegExp[] };
  /** Children of an index that must be there; with `none` no layer of an image must be there either. */
  readonly platforms: 'all' | 'none' | readonly Platform[];
}

/** Layers that a client may fetch from elsewhere (image-spec, §"Non-Distributable Layers"). */
const foreignLayers = new Set([
  'application/vnd.docker.image.rootfs.foreign.diff.tar',
  'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
  'application/vnd.oci.image.layer.nondistributable.v1.tar',
  'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
  'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd',
]);

/** Layers that clients can also be told to fetch from elsewhere: an URL must be allowed, and the bytes be here all the same. */
const localLayers = new Set([
  'application/vnd.oci.image.layer.v1.tar',
  'application/vnd.oci.image.layer.v1.tar+gzip',
  'application/vnd.oci.image.layer.v1.tar+zstd',
  'application/vnd.docker.image.rootfs.diff.tar.gzip',
]);

/** What says that the repository has a blob or a manifest, and the bytes. */
export interface FoundReference {
  readonly digest: string;
  readonly link: string;
  readonly data: string;
}

/** Checks that what a manifest names is in its repository. */
export class References {
  constructor(
    private readonly driver: StorageDriver,
    private readonly blobs: BlobStore,
    private readonly rules: ValidationRules,
  ) {}

  /**
   * @returns what it found, for {@link confirm}
   * @throws {ManifestBlobUnknown} naming all that is missing
   * @throws {ManifestInvalid} for a layer whose URL is not allowed
   */
  async check(name: RepositoryName, manifest: Manifest): Promise<readonly FoundReference[]> {
    if (this.rules.disabled) return [];
    const sparse = this.rules.platforms === 'none';
    const local = manifest.layers.filter((layer) => !this.#isElsewhere(layer) && !sparse);
    const blobs = manifest.config === undefined ? local : [manifest.config, ...local];
    const children = manifest.manifests.filter((child) => this.#isRequired(child));
    const missing = new Set<string>();
    const found: FoundReference[] = [];
    const note = ({ digest }: ManifestDescriptor, link: string | undefined) => {
      if (link === undefined) missing.add(digest.toString());
      else found.push({ digest: digest.toString(), link, data: blobDataPath(digest) });
    };
    await sideBySide(eachOnce(blobs), async (blob) => note(blob, await this.#findBlob(name, blob)));
    await sideBySide(eachOnce(children), async (child) =>
      note(child, await this.#findChild(name, child)),
    );
    if (missing.size > 0) throw new ManifestBlobUnknown([...missing]);
    return found;
  }

  /**
   * Makes what was found survive a crash, whoever wrote it: where the order of writes is not kept, or nothing is written that
   * would come after it. In a bucket it does.
   * @throws {ManifestBlobUnknown} if it is gone by now
   */
  async confirm(
    name: RepositoryName,
    manifest: Manifest,
    found: readonly FoundReference[],
  ): Promise<void> {
    if (isBucket(this.driver)) return;
    const gone = await this.#unconfirmed(found);
    if (gone.length === 0) return;
    // What was removed and pushed again meanwhile is there in another place, or as another file.
    const stillGone = await this.#unconfirmed(await this.check(name, manifest));
    if (stillGone.length > 0) throw new ManifestBlobUnknown(stillGone);
  }

  /** The digests of those that are gone. */
  async #unconfirmed(found: readonly FoundReference[]): Promise<readonly string[]> {
    const gone = new Set<string>();
    await sideBySide(found, async ({ digest, link, data }) => {
      // In order the bytes became durable before there was a link.
      const paths = this.driver.ordered ? [link] : [link, data];
      if (!(await canConfirm(this.driver, paths))) gone.add(digest);
    });
    return [...gone];
  }

  /** Any descriptor may stand among layers, also of a manifest. */
  async #findBlob(name: RepositoryName, blob: ManifestDescriptor): Promise<string | undefined> {
    if (await this.blobs.hadJustNow(name, blob.digest)) return blobLinkPath(name, blob.digest);
    return isManifestMediaType(blob.mediaType) ? this.#findRevision(name, blob) : undefined;
  }

  async #findChild(name: RepositoryName, child: ManifestDescriptor): Promise<string | undefined> {
    const revision = await this.#findRevision(name, child);
    if (revision !== undefined || isManifestMediaType(child.mediaType)) return revision;
    const isBlob = await this.blobs.hadJustNow(name, child.digest);
    return isBlob ? blobLinkPath(name, child.digest) : undefined;
  }

  async #findRevision(
    name: RepositoryName,
    { digest }: ManifestDescriptor,
  ): Promise<string | undefined> {
    const link = revisionLinkPath(name, digest);
    return (await readLink(this.driver, link))?.equals(digest) ? link : undefined;
  }

  #isElsewhere(layer: ManifestDescriptor): boolean {
    const isForeign = foreignLayers.has(layer.mediaType);
    if (!isForeign && !localLayers.has(layer.mediaType)) return false;
    for (const url of layer.urls) {
      if (!this.#isAllowed(url)) {
        throw new ManifestInvalid('a URL of a layer is not allowed by this registry', {
          url: url.slice(0, 500),
          digest: layer.digest.toString(),
        });
      }
    }
    return isForeign && layer.urls.length > 0;
  }

  #isAllowed(text: string): boolean {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol) || text.includes('#')) return false;
    const { allow, deny } = this.rules.urls;
    return allow.some((rule) => rule.test(text)) && !deny.some((rule) => rule.test(text));
  }

  #isRequired({ platform }: ManifestDescriptor): boolean {
    const { platforms } = this.rules;
    if (platforms === 'all' || platforms === 'none') return platforms === 'all';
    return platforms.some(
      ({ architecture, os }) => platform?.architecture === architecture && platform.os === os,
    );
  }
}

/** A manifest may name the same content many thousand times. */
function eachOnce(descriptors: readonly ManifestDescriptor[]): ManifestDescriptor[] {
  const distinct = new Map(
    descriptors.map((each) => [`${each.mediaType} ${each.digest.toString()}`, each]),
  );
  return [...distinct.values()];
}

function isManifestMediaType(mediaType: string): boolean {
  return (
    isIndexMediaType(mediaType) ||
    mediaType === MediaType.ociManifest ||
    mediaType === MediaType.dockerManifest
  );
}
