import type { ReferrerDescriptor } from '#oci/descriptor.js';
import { Digest } from '#oci/digest.js';
import { type Manifest, maximumManifestSize, parseManifest } from '#oci/manifest.js';
import { parseTag } from '#oci/reference.js';
import type { RepositoryName } from '#oci/repository-name.js';
import {
  ContentTooLarge,
  PathNotFound,
  type StorageDriver,
  type StoredFile,
} from '#storage/storage-driver.js';

import { readLink } from './links.js';
import type { StoredManifest } from './manifests/stored-manifest.js';
import {
  blobDataPath,
  referrerPath,
  referrersFolder,
  revisionLinkPath,
  tagLinkPath,
} from './paths.js';

/** Which manifests name another as their subject: one object for each pair. The subject need not exist (yet). */
export class Referrers {
  constructor(private readonly driver: StorageDriver) {}

  /** What to write beside a manifest; nothing when it has no subject. */
  filesFor(name: RepositoryName, stored: StoredManifest): StoredFile[] {
    const subject = stored.manifest?.subject;
    if (subject === undefined) return [];
    const content = Buffer.from(JSON.stringify(descriptorOf(stored)));
    return [{ path: referrerPath(name, subject.digest, stored.digest), content }];
  }

  async remove(name: RepositoryName, { manifest, digest }: StoredManifest): Promise<void> {
    if (manifest?.subject === undefined) return;
    await this.driver.remove(referrerPath(name, manifest.subject.digest, digest));
    await this.driver.removeFolder(referrersFolder(name, manifest.subject.digest));
  }

  /** All referrers of a subject that are in the repository, in the order of their digests. */
  async list(name: RepositoryName, subject: Digest): Promise<ReferrerDescriptor[]> {
    const found = new Map<string, ReferrerDescriptor>();
    for (const descriptor of await this.#fromTagSchema(name, subject)) {
      found.set(descriptor.digest.toString(), descriptor);
    }
    for (const { name: file } of await this.driver.list(referrersFolder(name, subject))) {
      const descriptor = await this.#read(name, subject, file);
      if (descriptor !== undefined) found.set(descriptor.digest.toString(), descriptor);
    }
    const present: ReferrerDescriptor[] = [];
    for (const descriptor of found.values()) {
      const link = await readLink(this.driver, revisionLinkPath(name, descriptor.digest));
      if (link !== undefined) present.push(descriptor);
    }
    return present.sort((a, b) => (a.digest.toString() < b.digest.toString() ? -1 : 1));
  }

  async #read(
    name: RepositoryName,
    subject: Digest,
    file: string,
  ): Promise<ReferrerDescriptor | undefined> {
    const digest = Digest.tryParse(file.replace('-', ':'));
    if (digest === undefined) return undefined;
    const content = await this.#getIfThere(referrerPath(name, subject, digest));
    if (content === undefined) return undefined;
    const json = JSON.parse(content.toString('utf8')) as Omit<ReferrerDescriptor, 'digest'>;
    return { ...json, digest };
  }

  /** An index at the tag `sha256-<hex>` is how clients list referrers where a registry does not (distribution-spec, §"Referrers Tag Schema"). */
  async #fromTagSchema(name: RepositoryName, subject: Digest): Promise<ReferrerDescriptor[]> {
    const tag = parseTag(`${subject.algorithm}-${subject.hex.slice(0, 64)}`);
    const target = await readLink(this.driver, tagLinkPath(name, tag));
    const index = target && (await this.#parse(target));
    if (index === undefined) return [];
    const found: ReferrerDescriptor[] = [];
    for (const { digest, size } of index.manifests) {
      const body = await this.#getIfThere(blobDataPath(digest));
      const manifest = await this.#parse(digest);
      if (manifest?.subject?.digest.equals(subject) !== true || body === undefined) continue;
      found.push(descriptorOf({ digest, mediaType: manifest.mediaType, body, manifest }, size));
    }
    return found;
  }

  async #parse(digest: Digest): Promise<Manifest | undefined> {
    const body = await this.#getIfThere(blobDataPath(digest));
    if (body === undefined) return undefined;
    try {
      return parseManifest(body, undefined);
    } catch {
      return undefined;
    }
  }

  async #getIfThere(path: string): Promise<Buffer | undefined> {
    try {
      return await this.driver.get(path, { limit: maximumManifestSize });
    } catch (error) {
      if (error instanceof PathNotFound || error instanceof ContentTooLarge) return undefined;
      throw error;
    }
  }
}

/** Distribution-spec, §"Listing Referrers": the annotations are those of the manifest. */
function descriptorOf(
  { digest, mediaType, body, manifest }: StoredManifest,
  size = body.length,
): ReferrerDescriptor {
  return {
    mediaType,
    digest,
    size,
    ...(manifest?.artifactType && { artifactType: manifest.artifactType }),
    ...(manifest?.annotations && { annotations: manifest.annotations }),
  };
}
