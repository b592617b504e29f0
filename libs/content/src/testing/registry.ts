import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { ContentCache } from '#cache/content-cache.js';
import type { ReferrerDescriptor } from '#oci/descriptor.js';
import { Digest, type DigestAlgorithm } from '#oci/digest.js';
import { MediaType } from '#oci/media-type.js';
import { parseTag } from '#oci/reference.js';
import { parseRepositoryName, type RepositoryName } from '#oci/repository-name.js';
import { BucketDriver } from '#storage/bucket/bucket-driver.js';
import { FilesystemDriver } from '#storage/filesystem/filesystem-driver.js';
import { MemoryDriver } from '#storage/memory/memory-driver.js';
import type { StorageDriver } from '#storage/storage-driver.js';
import { ObjectStoreDouble } from '#storage/testing/object-store-double.js';

import { BlobStore } from '../blobs/blob-store.js';
import { ManifestStore } from '../manifests/manifest-store.js';
import { References, type ValidationRules } from '../manifests/references.js';
import { Referrers } from '../referrers.js';
import { Repositories } from '../repositories/repositories.js';
import { Tags } from '../tags.js';
import { SigningSecrets } from '../uploads/signing-secrets.js';
import { BodyLength } from '../uploads/upload-body.js';
import { UploadSessions } from '../uploads/upload-sessions.js';

const strict: ValidationRules = {
  disabled: false,
  urls: { allow: [], deny: [] },
  platforms: 'all',
};

/** All of a registry below HTTP, on one driver. */
export class TestRegistry {
  readonly blobs: BlobStore;
  readonly tags: Tags;
  readonly referrers: Referrers;
  readonly repositories: Repositories;
  readonly manifests: ManifestStore;

  private constructor(
    readonly driver: StorageDriver,
    readonly uploads: (blobs: BlobStore) => UploadSessions,
    rules: ValidationRules,
    cache: ContentCache | undefined,
  ) {
    this.blobs = new BlobStore(driver, undefined, cache);
    this.tags = new Tags(driver);
    this.referrers = new Referrers(driver);
    this.repositories = new Repositories(driver);
    const references = new References(driver, this.blobs, rules);
    this.manifests = new ManifestStore(
      driver,
      this.blobs,
      this.tags,
      this.referrers,
      references,
      cache,
    );
  }

  static async on(
    driver: StorageDriver,
    {
      rules = strict,
      secrets = [],
      now = Date.now,
      cache,
    }: {
      rules?: ValidationRules;
      secrets?: readonly string[];
      now?: () => number;
      cache?: ContentCache;
    } = {},
  ): Promise<TestRegistry> {
    const keys = await SigningSecrets.load(driver, secrets);
    const uploads = (blobs: BlobStore) => new UploadSessions(driver, blobs, keys, { now });
    return new TestRegistry(driver, uploads, rules, cache);
  }

  async pushBlob(
    name: RepositoryName,
    content: Buffer,
    algorithm: DigestAlgorithm = 'sha256',
  ): Promise<Digest> {
    const uploads = this.uploads(this.blobs);
    const digest = Digest.of(content, algorithm);
    await uploads.commit(uploads.begin({ name, subject: '' }), digest, chunkOf(content));
    return digest;
  }

  async pushManifest(
    name: RepositoryName,
    manifest: object,
    ...tags: readonly string[]
  ): Promise<Digest> {
    const body = Buffer.from(JSON.stringify(manifest));
    const digest = Digest.of(body);
    await this.manifests.put(
      name,
      { body, digest, contentType: (manifest as { mediaType?: string }).mediaType },
      tags.map(parseTag),
    );
    return digest;
  }

  async listReferrers(
    name: RepositoryName,
    subject: Digest,
    after?: string,
  ): Promise<ReferrerDescriptor[]> {
    const found: ReferrerDescriptor[] = [];
    for await (const each of this.referrers.list(name, subject, after)) found.push(each);
    return found;
  }
}

export const repository = parseRepositoryName('library/test');
export const otherRepository = parseRepositoryName('library/other');

export function chunkOf(
  content: Buffer,
  { start, length = content.length }: { start?: number; length?: number | undefined } = {},
) {
  async function* bytes() {
    const middle = content.length >> 1;
    yield content.subarray(0, middle);
    yield content.subarray(middle);
  }
  return { bytes: bytes(), length: new BodyLength(length, start) };
}

/** The smallest image there is: no layer, and a config that every repository can have. */
export const emptyConfig = Buffer.from('{}');

export function imageManifest(change: object = {}): Readonly<Record<string, unknown>> {
  return {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: {
      mediaType: 'application/vnd.oci.empty.v1+json',
      digest: `sha256:${createHash('sha256').update(emptyConfig).digest('hex')}`,
      size: emptyConfig.length,
    },
    layers: [],
    annotations: { unique: randomBytes(8).toString('hex') },
    ...change,
  };
}

/** Each driver that a test runs on, and what to do when it is over. */
export const drivers: readonly (readonly [string, () => Promise<OpenDriver>])[] = [
  [
    'in memory',
    async () => ({
      driver: new MemoryDriver(),
      root: undefined,
      claims: true,
      close: async () => {},
    }),
  ],
  ['on a disk', openFolder],
  [
    'in a bucket',
    async () => {
      const driver = await BucketDriver.connect(new ObjectStoreDouble());
      return { driver, root: undefined, claims: false, close: () => driver.close() };
    },
  ],
];

export interface OpenDriver {
  readonly driver: StorageDriver;
  /** Where the files are, if they are files. */
  readonly root: string | undefined;
  /** Whether who goes on with an upload has its bytes to itself. */
  readonly claims: boolean;
  readonly close: () => Promise<void>;
}

export async function openFolder(): Promise<OpenDriver & { readonly root: string }> {
  const root = await mkdtemp(join(tmpdir(), 'holdfast-content-'));
  const driver = await FilesystemDriver.connect({ rootdirectory: root });
  return {
    driver,
    root,
    claims: true,
    close: () => rm(root, { recursive: true, force: true, maxRetries: 3 }),
  };
}
