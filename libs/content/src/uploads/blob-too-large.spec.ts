import { randomBytes } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Digest } from '#oci/digest.js';

import {
  chunkOf,
  drivers,
  type OpenDriver,
  repository,
  TestRegistry,
} from '../testing/registry.js';
import { BlobTooLarge } from './blob-too-large.js';
import { BodyLength } from './upload-body.js';
import { offsetOf } from './upload-state.js';

const owner = { name: repository, subject: 'alice' };
const content = randomBytes(3000);

describe.each(drivers)('a blob that is larger than the storage can hold, %s', (_where, open) => {
  let storage: OpenDriver;
  beforeEach(async () => {
    storage = await open();
    Object.assign(storage.driver.uploads, { maximumSize: 2500 });
  });
  afterEach(() => storage.close());

  it('is refused, before a byte is read if the request says how long it is', async () => {
    const registry = await TestRegistry.on(storage.driver);
    const uploads = registry.uploads(registry.blobs);
    const begun = await uploads.append(uploads.begin(owner), chunkOf(content.subarray(0, 1000)));
    const state = uploads.open(owner, begun.session, uploads.sign(begun));
    const unread = {
      [Symbol.asyncIterator]: () => {
        throw new Error('it was read');
      },
    };
    const told = { bytes: unread, length: new BodyLength(2000) };
    await expect(uploads.append(state, told)).rejects.toThrow(BlobTooLarge);
    await expect(uploads.commit(state, Digest.of(content), told)).rejects.toThrow(BlobTooLarge);
    async function* untold() {
      yield Buffer.from(content.subarray(1000, 2000));
      yield Buffer.from(content.subarray(2000));
    }
    const length = new BodyLength(undefined);
    await expect(uploads.append(state, { bytes: untold(), length })).rejects.toThrow(BlobTooLarge);
    expect(offsetOf(await uploads.status(state))).toBe(1000);
  });
});
