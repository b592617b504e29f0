import { randomBytes } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { Digest } from '#oci/digest.js';
import { BlobUploadUnknown, DigestInvalid, RangeInvalid, SizeInvalid } from '#oci/errors.js';

import {
  chunkOf,
  drivers,
  type OpenDriver,
  otherRepository,
  repository,
  TestRegistry,
} from '../testing/registry.js';
import type { UploadSessions } from './upload-sessions.js';
import { offsetOf, type UploadState } from './upload-state.js';

const week = 7 * 24 * 60 * 60 * 1000;
const owner = { name: repository, subject: 'alice' };
const content = randomBytes(3000);
const digest = Digest.of(content);
const [first, second, third] = [0, 1, 2].map((index) =>
  content.subarray(index * 1000, index * 1000 + 1000),
) as [Buffer, Buffer, Buffer];

describe.each(drivers)('UploadSessions %s', (_where, open) => {
  let storage: OpenDriver;
  let registry: TestRegistry;
  let uploads: UploadSessions;
  let now: number;

  const opened: UploadSessions[] = [];
  const restart = async () => {
    registry = await TestRegistry.on(storage.driver, { now: () => now });
    uploads = registry.uploads(registry.blobs);
    opened.push(uploads);
  };

  beforeEach(async () => {
    now = 1_700_000_000_000;
    storage = await open();
    await restart();
  });

  afterEach(async () => {
    for (const each of opened.splice(0)) await each.onApplicationShutdown();
    await storage.close();
  });

  /** As the client sends it back. */
  const reopen = (state: UploadState) => uploads.open(owner, state.session, uploads.sign(state));
  const withoutState = (state: UploadState) => uploads.open(owner, state.session, undefined);
  const has = () => registry.blobs.has(repository, digest);

  it('takes a blob in one body', async () => {
    expect(await uploads.commit(uploads.begin(owner), digest, chunkOf(content))).toBe(3000);
    expect(await has()).toBe(true);
  });

  it('takes a blob in several bodies, the last of them with the commit', async () => {
    let state = await uploads.append(reopen(uploads.begin(owner)), chunkOf(first, { start: 0 }));
    state = await uploads.append(reopen(state), chunkOf(second, { start: 1000 }));
    expect(offsetOf(state)).toBe(2000);
    expect(await uploads.commit(reopen(state), digest, chunkOf(third, { start: 2000 }))).toBe(3000);
    expect(await has()).toBe(true);
  });

  it.each([
    ['sha256', 'sha256'],
    ['sha512', 'sha512'],
    ['sha256', 'sha512'],
    ['sha512', 'sha256'],
  ] as const)(
    'takes a blob that was announced as %s and is named by its %s',
    async (said, named) => {
      const wanted = Digest.of(content, named);
      const state = await uploads.append(uploads.begin(owner, said), chunkOf(content));
      await uploads.commit(reopen(state), wanted);
      expect(await registry.blobs.has(repository, wanted)).toBe(true);
    },
  );

  it('takes a blob without bytes, and bodies without bytes', async () => {
    const empty = Buffer.alloc(0);
    await uploads.commit(uploads.begin(owner), Digest.of(empty));
    expect(await registry.blobs.stat(repository, Digest.of(empty))).toBe(0);
    let state = await uploads.append(uploads.begin(owner), chunkOf(empty));
    state = await uploads.append(reopen(state), chunkOf(content));
    state = await uploads.append(reopen(state), chunkOf(empty));
    await uploads.commit(reopen(state), digest, chunkOf(empty));
    expect(await has()).toBe(true);
  });

  it('goes on in a process that saw nothing of it', async () => {
    const state = await uploads.append(uploads.begin(owner), chunkOf(first));
    await restart();
    const next = await uploads.append(reopen(state), chunkOf(second));
    await restart();
    await uploads.commit(reopen(next), digest, chunkOf(third));
    expect(await has()).toBe(true);
  });

  it('tells where an upload stands without its state', async () => {
    const begun = uploads.begin(owner);
    expect(offsetOf(await uploads.status(withoutState(begun)))).toBe(0);
    await uploads.append(begun, chunkOf(first));
    const found = await uploads.status(withoutState(begun));
    expect(offsetOf(found)).toBe(1000);
    const next = await uploads.append(reopen(found), chunkOf(content.subarray(1000)));
    await uploads.commit(reopen(next), digest);
    expect(await has()).toBe(true);
  });

  it('refuses a chunk that does not begin where the upload ends, and goes on after it', async () => {
    const begun = uploads.begin(owner);
    for (const start of [1, 999, 2 ** 40]) {
      await expect(uploads.append(begun, chunkOf(first, { start }))).rejects.toThrow(RangeInvalid);
    }
    const state = await uploads.append(begun, chunkOf(first, { start: 0 }));
    for (const start of [0, 999, 1001]) {
      const wrong = () => chunkOf(second, { start });
      await expect(uploads.append(reopen(state), wrong())).rejects.toThrow(RangeInvalid);
      await expect(uploads.commit(reopen(state), digest, wrong())).rejects.toThrow(RangeInvalid);
    }
    expect(offsetOf(await uploads.status(reopen(state)))).toBe(1000);
    const rest = chunkOf(content.subarray(1000), { start: 1000 });
    await uploads.commit(reopen(state), digest, rest);
    expect(await has()).toBe(true);
  });

  it('refuses a chunk that is sent again to an older Location, and goes on after it', async () => {
    const begun = uploads.begin(owner);
    const one = await uploads.append(begun, chunkOf(first));
    const two = await uploads.append(reopen(one), chunkOf(second));
    await expect(uploads.append(reopen(one), chunkOf(second))).rejects.toMatchObject({
      code: 'RANGE_INVALID',
      detail: { expectedOffset: 2000, offset: 1000 },
    });
    await expect(uploads.append(reopen(begun), chunkOf(first))).rejects.toThrow(RangeInvalid);
    await uploads.commit(reopen(two), digest, chunkOf(third));
    expect(await has()).toBe(true);
  });

  it('keeps the session when the closing request brings wrong bytes or the wrong digest', async () => {
    const state = await uploads.append(uploads.begin(owner), chunkOf(first));
    await expect(
      uploads.commit(reopen(state), digest, chunkOf(randomBytes(2000))),
    ).rejects.toMatchObject({ code: 'DIGEST_INVALID', detail: { expected: digest.toString() } });
    await expect(uploads.commit(reopen(state), digest)).rejects.toThrow(DigestInvalid);
    expect(offsetOf(await uploads.status(reopen(state)))).toBe(1000);
    await uploads.commit(reopen(state), digest, chunkOf(content.subarray(1000)));
    expect(await has()).toBe(true);
  });

  it.each([
    ['shorter', 2001],
    ['longer', 1999],
  ])('keeps nothing of a body that is %s than announced', async (_what, length) => {
    const state = await uploads.append(uploads.begin(owner), chunkOf(first));
    const body = () => chunkOf(content.subarray(1000), { length });
    await expect(uploads.append(reopen(state), body())).rejects.toThrow(SizeInvalid);
    await expect(uploads.commit(reopen(state), digest, body())).rejects.toThrow(SizeInvalid);
    expect(offsetOf(await uploads.status(reopen(state)))).toBe(1000);
    await uploads.commit(reopen(state), digest, chunkOf(content.subarray(1000)));
    expect(await has()).toBe(true);
  });

  it('keeps nothing of a body that breaks off', async () => {
    const state = await uploads.append(uploads.begin(owner), chunkOf(first));
    async function* broken() {
      yield second;
      throw new Error('the client left');
    }
    const { length } = chunkOf(second);
    await expect(uploads.append(reopen(state), { bytes: broken(), length })).rejects.toThrow(
      'left',
    );
    const again = await uploads.append(reopen(state), chunkOf(second));
    await uploads.commit(reopen(again), digest, chunkOf(third));
    expect(await has()).toBe(true);
  });

  it('goes on from a status that was asked while a request had the bytes and then gave them back', async () => {
    const state = await uploads.append(uploads.begin(owner), chunkOf(first));
    const gate = Promise.withResolvers<void>();
    const waits = Promise.withResolvers<void>();
    async function* cut() {
      yield second;
      waits.resolve();
      await gate.promise;
      throw new Error('the client left');
    }
    const { length } = chunkOf(second);
    const leaving = uploads.append(reopen(state), { bytes: cut(), length });
    await waits.promise;
    const asked = await uploads.status(reopen(state));
    gate.resolve();
    await expect(leaving).rejects.toThrow('left');
    expect([offsetOf(asked), asked.claimed]).toEqual([1000, storage.claims]);
    const next = await uploads.append(reopen(asked), chunkOf(second, { start: 1000 }));
    await uploads.commit(reopen(next), digest, chunkOf(third));
    expect(await has()).toBe(true);
  });

  it('goes on from a status that was asked while a request had the bytes, and before it ends', async () => {
    const state = await uploads.append(uploads.begin(owner), chunkOf(first));
    const gate = Promise.withResolvers<void>();
    const waits = Promise.withResolvers<void>();
    async function* late() {
      yield randomBytes(500);
      waits.resolve();
      await gate.promise;
      yield randomBytes(500);
    }
    const zombie = uploads.append(reopen(state), { bytes: late(), length: chunkOf(second).length });
    await waits.promise;
    const asked = await uploads.status(reopen(state));
    const next = await uploads.append(reopen(asked), chunkOf(content.subarray(1000)));
    gate.resolve();
    await zombie.catch(() => undefined);
    await uploads.commit(reopen(next), digest);
    expect(await has()).toBe(true);
  });

  describe('after the commit', () => {
    let begun: UploadState;
    let last: UploadState;

    beforeEach(async () => {
      begun = uploads.begin(owner);
      last = await uploads.append(begun, chunkOf(content));
      await uploads.commit(reopen(last), digest);
    });

    it('the same closing request is answered again, also by another process', async () => {
      expect(await uploads.commit(reopen(last), digest)).toBe(3000);
      await restart();
      expect(await uploads.commit(reopen(last), digest)).toBe(3000);
    });

    // Where nothing is claimed the state tells that it is wrong, and nobody looks whether anything is left.
    const refusal = () => (storage.claims ? BlobUploadUnknown : DigestInvalid);

    it('another digest is not, nor the same when the blob is gone from the repository', async () => {
      const other = Digest.of(Buffer.from('other'));
      await expect(uploads.commit(reopen(last), other)).rejects.toThrow(refusal());
      await registry.blobs.delete(repository, digest);
      await expect(uploads.commit(reopen(last), digest)).rejects.toThrow(BlobUploadUnknown);
    });

    it('a blob that only another repository has earns no link', async () => {
      const other = await registry.pushBlob(otherRepository, Buffer.from('theirs'));
      await expect(uploads.commit(reopen(last), other)).rejects.toThrow(refusal());
      expect(await registry.blobs.has(repository, other)).toBe(false);
    });

    it('nothing else is known of the session by a later state', async () => {
      await expect(uploads.status(reopen(last))).rejects.toThrow(BlobUploadUnknown);
      await expect(uploads.cancel(reopen(last))).rejects.toThrow(BlobUploadUnknown);
      await expect(uploads.append(reopen(last), chunkOf(first))).rejects.toThrow(BlobUploadUnknown);
    });

    it('the first state begins an empty session, which is harmless', async () => {
      expect(offsetOf(await uploads.status(reopen(begun)))).toBe(0);
      await expect(uploads.commit(reopen(begun), digest)).rejects.toThrow(DigestInvalid);
      expect(await has()).toBe(true);
    });
  });

  it('knows nothing of a cancelled session, whoever asks and however', async () => {
    const begun = uploads.begin(owner);
    const state = await uploads.append(begun, chunkOf(content));
    await registry.pushBlob(repository, content);
    await uploads.cancel(reopen(state));
    await restart();
    for (const each of [begun, state, withoutState(begun)]) {
      await expect(uploads.status(each)).rejects.toThrow(BlobUploadUnknown);
      await expect(uploads.append(each, chunkOf(first))).rejects.toThrow(BlobUploadUnknown);
      await expect(uploads.commit(each, digest)).rejects.toThrow(BlobUploadUnknown);
      await expect(uploads.cancel(each)).rejects.toThrow(BlobUploadUnknown);
    }
  });

  it('can be cancelled before anything came', async () => {
    const begun = uploads.begin(owner);
    await uploads.cancel(begun);
    await expect(uploads.append(reopen(begun), chunkOf(first))).rejects.toThrow(BlobUploadUnknown);
  });

  it('belongs to its repository and its account, with and without state', () => {
    const state = uploads.begin(owner);
    const token = uploads.sign(state);
    for (const other of [
      { ...owner, name: otherRepository },
      { ...owner, subject: 'bob' },
      { ...owner, subject: '' },
    ]) {
      expect(() => uploads.open(other, state.session, token)).toThrow(BlobUploadUnknown);
      expect(() => uploads.open(other, state.session, undefined)).toThrow(BlobUploadUnknown);
    }
    const another = uploads.begin(owner);
    expect(() => uploads.open(owner, another.session, token)).toThrow(BlobUploadUnknown);
    expect(() => uploads.open(owner, '../../etc', undefined)).toThrow(BlobUploadUnknown);
  });

  it('outlives a week only if bytes come', async () => {
    const begun = uploads.begin(owner);
    now += week - 1;
    const state = await uploads.append(reopen(begun), chunkOf(first));
    now += 2;
    expect(() => reopen(begun)).toThrow(BlobUploadUnknown);
    expect(offsetOf(reopen(state))).toBe(1000);
  });

  it('is answered once where two requests complete it at the same time', async () => {
    const state = await uploads.append(uploads.begin(owner), chunkOf(content));
    const both = await Promise.all([1, 2].map(() => uploads.commit(reopen(state), digest)));
    expect(both).toEqual([3000, 3000]);
  });

  it('gives one of two chunks to the same Location, and 416 to the other', async () => {
    const state = await uploads.append(uploads.begin(owner), chunkOf(first));
    const results = await Promise.allSettled(
      [1, 2].map(() => uploads.append(reopen(state), chunkOf(second))),
    );
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused).toHaveLength(1);
    expect(refused[0]?.reason).toBeInstanceOf(RangeInvalid);
    const next = await uploads.status(reopen(state));
    await uploads.commit(reopen(next), digest, chunkOf(third));
    expect(await has()).toBe(true);
  });
});
