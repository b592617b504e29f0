import { randomBytes } from 'node:crypto';

import { describe, expect, it } from '@jest/globals';

import { Digest } from '#oci/digest.js';
import { parseRepositoryName } from '#oci/repository-name.js';
import { BucketDriver } from '#storage/bucket/bucket-driver.js';
import { ObjectsDouble, ObjectStoreDouble } from '#storage/testing/object-store-double.js';

import { BlobStore } from './blob-store.js';
import { SeenLinks } from './seen-links.js';

const name = parseRepositoryName('a/b');
const digest = Digest.of(randomBytes(16), 'sha256');

describe('SeenLinks', () => {
  it('counts what was seen for a moment from the beginning of the look, and nothing else', async () => {
    let now = 0;
    const links = new SeenLinks(() => now);
    expect(links.has(name, digest)).toBe(false);
    await links.note(name, digest, async () => {
      now = 299;
      return true;
    });
    expect(links.has(name, digest)).toBe(true);
    expect(links.has(parseRepositoryName('a/c'), digest)).toBe(false);
    now = 300;
    expect(links.has(name, digest)).toBe(false);
    await links.note(name, digest, async () => false);
    expect(links.has(name, digest)).toBe(false);
  });
});

describe('BlobStore over a bucket', () => {
  const open = async (objects: ObjectsDouble) => {
    const store = new ObjectStoreDouble({ objects });
    return { store, blobs: new BlobStore(await BucketDriver.connect(store)) };
  };
  const pushed = async (objects: ObjectsDouble) => {
    const { store, blobs } = await open(objects);
    const { path, files } = blobs.placeOf(name, digest);
    const driver = await BucketDriver.connect(new ObjectStoreDouble({ objects }));
    await driver.put([{ path, content: Buffer.from('x') }]);
    await blobs.whileLinking(name, digest, () => driver.put(files));
    return { store, blobs };
  };

  it('does not ask for a link that it wrote a moment ago', async () => {
    const { store, blobs } = await pushed(new ObjectsDouble());
    expect(await blobs.hadJustNow(name, digest)).toBe(true);
    expect(store.calls).toEqual(['head']);
    store.calls.length = 0;
    expect(await blobs.has(name, digest)).toBe(true);
    expect(store.calls).toEqual(['get', 'head']);
  });

  it('says that a blob is deleted when no replica takes it for there any more', async () => {
    const objects = new ObjectsDouble();
    const { blobs } = await pushed(objects);
    const other = await open(objects);
    expect(await other.blobs.hadJustNow(name, digest)).toBe(true);
    await blobs.delete(name, digest);
    const all = [blobs, other.blobs].map((each) => each.hadJustNow(name, digest));
    expect(await Promise.all(all)).toEqual([false, false]);
    await expect(other.blobs.delete(name, digest)).rejects.toThrow('blob unknown');
  });
});
