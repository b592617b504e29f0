import { randomBytes } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { Digest } from '#oci/digest.js';
import { BlobUploadUnknown } from '#oci/errors.js';

import { blobDataPath, blobLinkPath } from '../paths.js';
import { chunkOf, openFolder, repository, TestRegistry } from '../testing/registry.js';

const owner = { name: repository, subject: 'alice' };
const content = randomBytes(3000);
const digest = Digest.of(content);

describe('a commit that another process has made, on a disk', () => {
  let storage: Awaited<ReturnType<typeof openFolder>>;
  let registry: TestRegistry;
  let repeat: () => Promise<number>;

  beforeEach(async () => {
    storage = await openFolder();
    registry = await TestRegistry.on(storage.driver);
    const [one, other] = [registry.uploads(registry.blobs), registry.uploads(registry.blobs)];
    const state = await one.append(one.begin(owner), chunkOf(content));
    await one.commit(state, digest);
    repeat = () => other.commit(state, digest);
  });

  afterEach(() => storage.close());

  it('is made durable before it is answered again: the other may not have done so yet', async () => {
    const confirm = jest.spyOn(storage.driver, 'confirm');
    expect(await repeat()).toBe(content.length);
    const paths = [blobLinkPath(repository, digest), blobDataPath(digest)];
    expect(confirm.mock.calls).toEqual([[paths]]);
  });

  it('is unknown if the blob is removed meanwhile', async () => {
    jest.spyOn(storage.driver, 'confirm').mockImplementationOnce(async (paths) => {
      await registry.blobs.delete(repository, digest);
      await storage.driver.confirm(paths);
    });
    await expect(repeat()).rejects.toThrow(BlobUploadUnknown);
  });
});
