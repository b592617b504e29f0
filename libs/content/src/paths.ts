import { Digest } from '#oci/digest.js';
import type { Tag } from '#oci/reference.js';
import type { RepositoryName } from '#oci/repository-name.js';

/**
 * Where things are. Committed content lies as Distribution lays it out (`registry/storage/paths.go`):
 *
 *     /docker/registry/v2
 *     ├── blobs/<algorithm>/<first two hex digits>/<hex>/data
 *     └── repositories/<name>
 *         ├── _layers/<algorithm>/<hex>/link                    a blob of this repository
 *         ├── _manifests/revisions/<algorithm>/<hex>/link       a manifest of this repository
 *         ├── _manifests/tags/<tag>/current/link                what the tag points to
 *         ├── _manifests/tags/<tag>/index/<algorithm>/<hex>/link  what it ever pointed to
 *         └── _uploads/                                         Distribution's own; ours are elsewhere
 *
 * What is ours alone, and can be done without:
 *
 *     /holdfast/v1
 *     ├── sizes/<algorithm>/<first two hex digits>/<hex>        size of a blob, or `damaged`
 *     ├── maintenance/upload-purge                              when uploads were last purged
 *     ├── secret                                                signs upload state where none is configured
 *     ├── http-secrets/salt, lists/<id>                         what the secrets in use have in common, without telling them
 *     └── repositories/<name>
 *         ├── _media-types/<algorithm>/<hex>                    as pushed, where the manifest does not tell
 *         └── _referrers/<subject>/<referrer>                   descriptor of a referrer; both as <algorithm>-<hex>
 */
const committed = '/docker/registry/v2';
const own = '/holdfast/v1';

export const repositoriesFolder = `${committed}/repositories`;
export const secretPath = `${own}/secret`;
export const secretSaltPath = `${own}/http-secrets/salt`;
export const secretListsFolder = `${own}/http-secrets/lists`;
export const uploadPurgeMarkPath = `${own}/maintenance/upload-purge`;

export function blobDataPath({ algorithm, hex }: Digest): string {
  return `${committed}/blobs/${algorithm}/${hex.slice(0, 2)}/${hex}/data`;
}

export function blobSizePath({ algorithm, hex }: Digest): string {
  return `${own}/sizes/${algorithm}/${hex.slice(0, 2)}/${hex}`;
}

export function blobLinkPath(name: RepositoryName, { algorithm, hex }: Digest): string {
  return `${repositoriesFolder}/${name}/_layers/${algorithm}/${hex}/link`;
}

export function revisionsFolder(name: string): string {
  return `${repositoriesFolder}/${name}/_manifests/revisions`;
}

export function revisionLinkPath(name: RepositoryName, { algorithm, hex }: Digest): string {
  return `${revisionsFolder(name)}/${algorithm}/${hex}/link`;
}

export function tagsFolder(name: RepositoryName): string {
  return `${repositoriesFolder}/${name}/_manifests/tags`;
}

export function tagFolder(name: RepositoryName, tag: Tag): string {
  return `${tagsFolder(name)}/${tag}`;
}

/** Within the folder of a tag: what it points to. */
export const tagLinkFile = 'current/link';

/** Within the folder of a tag: that it pointed there once. */
export function tagIndexFile({ algorithm, hex }: Digest): string {
  return `index/${algorithm}/${hex}/link`;
}

export function tagLinkPath(name: RepositoryName, tag: Tag): string {
  return `${tagFolder(name, tag)}/${tagLinkFile}`;
}

export function tagIndexLinkPath(name: RepositoryName, tag: Tag, digest: Digest): string {
  return `${tagFolder(name, tag)}/${tagIndexFile(digest)}`;
}

export function mediaTypePath(name: RepositoryName, { algorithm, hex }: Digest): string {
  return `${own}/repositories/${name}/_media-types/${algorithm}/${hex}`;
}

export function referrersFolder(name: RepositoryName, { algorithm, hex }: Digest): string {
  return `${own}/repositories/${name}/_referrers/${algorithm}-${hex}`;
}

export function referrerPath(name: RepositoryName, subject: Digest, referrer: Digest): string {
  return `${referrersFolder(name, subject)}/${referrer.algorithm}-${referrer.hex}`;
}
