import { setImmediate } from 'node:timers/promises';

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

/** What a referrer's file holds; anything else somebody else put there. */
const fileSchema = z.object({
  mediaType: z.string(),
  size: z.number().int().nonnegative(),
  artifactType: z.string().optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});

/** How many are looked for at once; of these none may have more bytes than that, and larger ones come one by one. */
const width = 32;
const mostAtOnce = 64 * 1024;

interface Candidate {
  readonly digest: Digest;
  /** Whether its descriptor was written down when it was pushed. */
  readonly hasFile: boolean;
}

/** What of is asked for, and the most bytes to read of each. */
interface Asked {
  readonly name: RepositoryName;
  readonly subject: Digest;
  readonly limit: number;
}

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

  /**
   * Referrers of a subject that are in the repository, in the order of their digests. They are read as they are asked for: a
   * subject may have thousands, each as large as a manifest.
   * @param after the digest before the first; need not be one of them
   */
  async *list(
    name: RepositoryName,
    subject: Digest,
    after = '',
  ): AsyncGenerator<ReferrerDescriptor, void> {
    const candidates = await this.#candidates(name, subject, after);
    for (let start = 0; start < candidates.length; start += width) {
      // On a local disk nothing may have waited, and others want their turn.
      if (start > 0) await setImmediate();
      const some = candidates.slice(start, start + width);
      const found = await Promise.all(some.map((each) => this.#readIfSmall(name, subject, each)));
      for (const [index, candidate] of some.entries()) {
        const small = found[index];
        const descriptor =
          small === 'large'
            ? await this.#read({ name, subject, limit: maximumManifestSize }, candidate)
            : small;
        if (descriptor !== undefined) yield descriptor;
      }
    }
  }

  /** By digest: those with a file, and those that only an older client's list names. */
  async #candidates(name: RepositoryName, subject: Digest, after: string): Promise<Candidate[]> {
    const [files, others] = await Promise.all([
      this.driver.list(referrersFolder(name, subject)),
      this.#listedByTag(name, subject),
    ]);
    const candidates = new Map<string, Candidate>();
    for (const digest of others) candidates.set(digest.toString(), { digest, hasFile: false });
    for (const file of files) {
      const digest = Digest.tryParse(file.name.replace('-', ':'));
      if (digest !== undefined) candidates.set(digest.toString(), { digest, hasFile: true });
    }
    return [...candidates.entries()]
      .filter(([text]) => text > after)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([, candidate]) => candidate);
  }

  async #readIfSmall(
    name: RepositoryName,
    subject: Digest,
    candidate: Candidate,
  ): Promise<ReferrerDescriptor | 'large' | undefined> {
    if (!(await this.#isPresent(name, candidate.digest))) return undefined;
    try {
      return await this.#read({ name, subject, limit: mostAtOnce }, candidate);
    } catch (error) {
      if (error instanceof ContentTooLarge) return 'large';
      throw error;
    }
  }

  /** @throws {ContentTooLarge} for one that is larger than asked for, but no larger than a manifest may be */
  async #read(
    asked: Asked,
    { digest, hasFile }: Candidate,
  ): Promise<ReferrerDescriptor | undefined> {
    const path = referrerPath(asked.name, asked.subject, digest);
    const content = hasFile ? await this.#getIfThere(path, asked.limit) : undefined;
    const { mediaType, size, artifactType, annotations } =
      fileSchema.safeParse(parseJson(content)).data ?? {};
    // Spoiled, or without a file: the manifest itself tells what it is.
    if (mediaType === undefined || size === undefined) return this.#describe(asked, digest);
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
    const index = target && (await this.#parse(target, maximumManifestSize))?.manifest;
    const distinct = new Map(index?.manifests.map(({ digest }) => [digest.toString(), digest]));
    return [...distinct.values()];
  }

  /** A manifest as a referrer; undefined if it has another subject, or none. */
  async #describe(
    { subject, limit }: Asked,
    digest: Digest,
  ): Promise<ReferrerDescriptor | undefined> {
    const stored = await this.#parse(digest, limit);
    return stored?.manifest?.subject?.digest.equals(subject) ? descriptorOf(stored) : undefined;
  }

  async #isPresent(name: RepositoryName, digest: Digest): Promise<boolean> {
    return (await readLink(this.driver, revisionLinkPath(name, digest))) !== undefined;
  }

  async #parse(digest: Digest, limit: number): Promise<StoredManifest | undefined> {
    const body = await this.#getIfThere(blobDataPath(digest), limit);
    if (body === undefined) return undefined;
    try {
      const manifest = parseManifest(body, undefined);
      return { digest, mediaType: manifest.mediaType, body, manifest };
    } catch {
      return undefined;
    }
  }

  async #getIfThere(path: string, limit: number): Promise<Buffer | undefined> {
    try {
      return await this.driver.get(path, { limit });
    } catch (error) {
      if (error instanceof PathNotFound) return undefined;
      if (error instanceof ContentTooLarge && error.size > maximumManifestSize) return undefined;
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
