import { setImmediate } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Digest } from '#oci/digest.js';
import { MediaType } from '#oci/media-type.js';
import { parseTag } from '#oci/reference.js';
import { MemoryDriver } from '#storage/memory/memory-driver.js';

import { referrerPath } from './paths.js';
import {
  drivers,
  emptyConfig,
  imageManifest,
  type OpenDriver,
  otherRepository,
  repository,
  TestRegistry,
} from './testing/registry.js';

const subject = Digest.of(Buffer.from('a subject that need not exist'));
const subjectDescriptor = { mediaType: MediaType.ociManifest, digest: subject.toString(), size: 5 };

describe.each(drivers)('Referrers %s', (_where, open) => {
  let storage: OpenDriver;
  let registry: TestRegistry;

  beforeEach(async () => {
    storage = await open();
    registry = await TestRegistry.on(storage.driver);
    await registry.pushBlob(repository, emptyConfig);
  });

  afterEach(() => storage.close());

  const list = (of = subject, after?: string) => registry.listReferrers(repository, of, after);
  const refer = (change: object = {}) =>
    registry.pushManifest(repository, imageManifest({ subject: subjectDescriptor, ...change }));

  it('has none where there is none', async () => {
    expect(await list()).toEqual([]);
  });

  it('tells type, size, artifact type and annotations, in the order of digests', async () => {
    const signature = imageManifest({
      subject: subjectDescriptor,
      artifactType: 'application/vnd.signature',
      annotations: { by: 'me', ['__proto__']: 'x' },
    });
    const index = {
      schemaVersion: 2,
      mediaType: MediaType.ociIndex,
      manifests: [],
      subject: subjectDescriptor,
    };
    const digests = [
      await registry.pushManifest(repository, signature),
      await registry.pushManifest(repository, index),
    ];
    const expected = [
      {
        mediaType: MediaType.ociManifest,
        digest: digests[0],
        size: JSON.stringify(signature).length,
        artifactType: 'application/vnd.signature',
        annotations: { by: 'me' },
      },
      { mediaType: MediaType.ociIndex, digest: digests[1], size: JSON.stringify(index).length },
    ];
    const byDigest = expected.toSorted((a, b) => (String(a.digest) < String(b.digest) ? -1 : 1));
    expect(await list()).toMatchObject(byDigest);
  });

  it('belong to their repository', async () => {
    await refer();
    expect(await registry.listReferrers(otherRepository, subject)).toEqual([]);
  });

  it('begin after any digest, those of the tag schema among them', async () => {
    const digests: string[] = [];
    for (let count = 0; count < 40; count++) digests.push((await refer()).toString());
    digests.sort();
    const listed = digests.filter((_, index) => index % 3 === 0).map((text) => Digest.parse(text));
    for (const each of listed) {
      await storage.driver.remove(referrerPath(repository, subject, each));
    }
    await registry.pushManifest(
      repository,
      { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: listed.map(of) },
      `sha256-${subject.hex}`,
    );
    for (const index of [0, 5, 38, 39]) {
      const found = await list(subject, digests[index]);
      expect(found.map(({ digest }) => digest.toString())).toEqual(digests.slice(index + 1));
    }
    const between = `${digests[6]?.slice(0, -1)}~`;
    expect((await list(subject, between))[0]?.digest.toString()).toBe(digests[7]);
  });

  it('may be as large as a manifest, with a file that is larger still', async () => {
    const annotations = { pad: 'x'.repeat(4 * 1024 * 1024 - 500) };
    const [one, small] = [await refer({ annotations }), await refer()];
    await storage.driver.remove(referrerPath(repository, subject, small));
    const found = await list();
    expect(found.find(({ digest }) => digest.equals(one))).toMatchObject({ annotations });
    const path = referrerPath(repository, subject, one);
    await storage.driver.put([{ path, content: Buffer.alloc(4 * 1024 * 1024 + 1, ' ') }]);
    expect(await list()).toMatchObject([{ digest: one, annotations }]);
  });

  it('go when they are deleted, and not when their subject is', async () => {
    const image = imageManifest();
    const digest = await registry.pushManifest(repository, image, 'image');
    const [first, second] = [await refer(), await refer({ subject: of(digest) })];
    await registry.manifests.delete(repository, first);
    expect(await list()).toEqual([]);
    await registry.manifests.delete(repository, digest);
    expect(await list(digest)).toMatchObject([{ digest: second }]);
  });

  it.each(['', '{', 'null', '[]', '{"mediaType":1,"size":"x"}', '{"mediaType":"a/b","size":-1}'])(
    'are told by the manifest itself where their file says %j (row D5)',
    async (content) => {
      const [digest, other] = [await refer(), await refer()];
      const path = referrerPath(repository, subject, digest);
      await storage.driver.put([
        { path, content: Buffer.from(content) },
        { path: `${path.slice(0, path.lastIndexOf('/'))}/not-a-digest`, content: Buffer.from('x') },
      ]);
      const found = await list();
      expect(found.map((each) => each.digest.toString()).toSorted()).toEqual(
        [digest, other].map(String).toSorted(),
      );
      expect(found.every(({ mediaType, size }) => mediaType !== undefined && size > 100)).toBe(
        true,
      );
    },
  );

  describe('listed by the tag schema of an older client', () => {
    const tag = `sha256-${subject.hex}`;
    const listed = (...entries: readonly object[]) =>
      registry.pushManifest(
        repository,
        { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: entries },
        tag,
      );

    it('are taken in, without their own records', async () => {
      const [one, two] = [await refer(), await refer()];
      await storage.driver.remove(referrerPath(repository, subject, one));
      await listed(of(one), of(two));
      expect((await list()).map((each) => each.digest.toString())).toEqual(
        [one, two].map(String).toSorted(),
      );
    });

    it('have the size that they have, whatever the list says, and come once', async () => {
      const one = await refer();
      await storage.driver.remove(referrerPath(repository, subject, one));
      await listed(...Array.from({ length: 500 }, (_, size) => ({ ...of(one), size })));
      const { body } = await registry.manifests.get(repository, one);
      expect(await list()).toMatchObject([{ digest: one, size: body.length }]);
    });

    it('are not those with another subject, nor those that are gone or never were', async () => {
      const image = await registry.pushManifest(repository, imageManifest());
      const elsewhere = await refer({ subject: of(image) });
      const gone = await refer();
      await listed(of(image), of(elsewhere), of(gone));
      await registry.manifests.delete(repository, gone);
      expect(await list()).toEqual([]);
    });

    it('are none where the tag holds something else', async () => {
      await registry.pushManifest(repository, imageManifest(), tag);
      expect(await list()).toEqual([]);
      await registry.tags.delete(repository, parseTag(tag));
      expect(await list()).toEqual([]);
    });
  });
});

function of(digest: { toString(): string }) {
  return { mediaType: MediaType.ociManifest, digest: digest.toString(), size: 5 };
}

/** A memory that tells what was read of it. */
class MeasuredDriver extends MemoryDriver {
  calls = 0;
  bytes = 0;
  mostAtOnce = 0;
  #underWay = 0;

  override async get(...given: Parameters<MemoryDriver['get']>) {
    this.calls++;
    const content = await super.get(...given);
    this.bytes += content.length;
    this.#underWay += content.length;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#underWay);
    await setImmediate();
    this.#underWay -= content.length;
    return content;
  }

  override async list(path: string) {
    this.calls++;
    return super.list(path);
  }
}

describe('reading referrers', () => {
  let driver: MeasuredDriver;
  let registry: TestRegistry;

  beforeEach(async () => {
    driver = new MeasuredDriver();
    registry = await TestRegistry.on(driver);
    await registry.pushBlob(repository, emptyConfig);
  });

  async function refer(count: number, annotationBytes: number): Promise<void> {
    for (let done = 0; done < count; done++) {
      const annotations = { n: String(done), pad: 'x'.repeat(annotationBytes) };
      const manifest = imageManifest({ subject: subjectDescriptor, annotations });
      await registry.pushManifest(repository, manifest);
    }
    Object.assign(driver, { calls: 0, bytes: 0, mostAtOnce: 0 });
  }

  it('costs two calls for each, one for their list and one for the tag of older clients', async () => {
    await refer(40, 10);
    expect(await registry.listReferrers(repository, subject)).toHaveLength(40);
    expect(driver.calls).toBe(2 * 40 + 2);
  });

  it('holds one large one at a time, and reads no more than are asked for', async () => {
    await refer(60, 1_000_000);
    let seen = 0;
    for await (const { annotations } of registry.referrers.list(repository, subject)) {
      expect(annotations?.['pad']).toHaveLength(1_000_000);
      if (++seen === 4) break;
    }
    expect(driver.bytes).toBeLessThan(5_000_000);
    await registry.listReferrers(repository, subject);
    expect(driver.mostAtOnce).toBeLessThan(1_100_000);
  });
});
