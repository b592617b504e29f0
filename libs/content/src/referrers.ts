import { z } from 'zod';

import type { ReferrerDescriptor } from '#oci/descriptor.js';
import { Digest } from '#oci/digest.js';
import { maximumManifestSize, parseManifest } from '#oci/manifest.js';
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
import { sideBySide } from './side-by-side.js';

/** What a referrer's file holds; anything else somebody else put there. */
const fileSchema = z.object({
  mediaType: z.string(),
  size: z.number().int().nonnegative(),
  artifactType: z.string().optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});

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
    const files = await this.driver.list(referrersFolder(name, subject));
    await sideBySide(files, async ({ name: file }) => {
      const descriptor = await this.#read(name, subject, file);
      if (descriptor !== undefined) found.set(descriptor.digest.toString(), descriptor);
    });
    const others = (await this.#listedByTag(name, subject)).filter(
      (digest) => !found.has(digest.toString()),
    );
    await sideBySide(others, async (digest) => {
      const descriptor = await this.#describe(name, subject, digest);
      if (descriptor !== undefined) found.set(digest.toString(), descriptor);
    });
    return [...found.values()].sort((a, b) => (a.digest.toString() < b.digest.toString() ? -1 : 1));
  }

  async #read(
    name: RepositoryName,
    subject: Digest,
    file: string,
  ): Promise<ReferrerDescriptor | undefined> {
    const digest = Digest.tryParse(file.replace('-', ':'));
    if (digest === undefined || !(await this.#isPresent(name, digest))) return undefined;
    const content = await this.#getIfThere(referrerPath(name, subject, digest));
    const { mediaType, size, artifactType, annotations } =
      fileSchema.safeParse(parseJson(content)).data ?? {};
    // Spoiled: the manifest itself tells what it was.
    if (mediaType === undefined || size === undefined) return this.#describe(name, subject, digest);
    return {
      mediaType,
      digest,
      size,
      ...(artifactType && { artifactType }),
      ...(annotations && { annotations }),
    };
  }

  /** An index at the tag `sha256-<hex>` is how clients list referrers where a registry does not (distribution-spec, §"Referrers Tag Schema"). */
  async #listedByTag(name: RepositoryName, subject: Digest): Promise<Digest[]> {
    const tag = parseTag(`${subject.algorithm}-${subject.hex.slice(0, 64)}`);
    const target = await readLink(this.driver, tagLinkPath(name, tag));
    const index = target && (await this.#parse(target))?.manifest;
    const distinct = new Map(index?.manifests.map(({ digest }) => [digest.toString(), digest]));
    return [...distinct.values()];
  }

  /** A manifest of the repository as a referrer; undefined if it has another subject, or none. */
  async #describe(
    name: RepositoryName,
    subject: Digest,
    digest: Digest,
  ): Promise<ReferrerDescriptor | undefined> {
    if (!(await this.#isPresent(name, digest))) return undefined;
    const stored = await this.#parse(digest);
    return stored?.manifest?.subject?.digest.equals(subject) ? descriptorOf(stored) : undefined;
  }

  async #isPresent(name: RepositoryName, digest: Digest): Promise<boolean> {
    return (await readLink(this.driver, revisionLinkPath(name, digest))) !== undefined;
  }

  async #parse(digest: Digest): Promise<StoredManifest | undefined> {
    const body = await this.#getIfThere(blobDataPath(digest));
    if (body === undefined) return undefined;
    try {
      const manifest = parseManifest(body, undefined);
      return { digest, mediaType: manifest.mediaType, body, manifest };
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
function descriptorOf({ digest, mediaType, body, manifest }: StoredManifest): ReferrerDescriptor {
  return {
    mediaType,
    digest,
    size: body.length,
    ...(manifest?.artifactType && { artifactType: manifest.artifactType }),
    ...(manifest?.annotations && { annotations: manifest.annotations }),
  };
}

function parseJson(content: Buffer | undefined): unknown {
  try {
    return content && (JSON.parse(content.toString('utf8')) as unknown);
  } catch {
    return undefined;
  }
}
