import { randomBytes } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { Digest, type DigestAlgorithm } from '#oci/digest.js';
import { BlobUploadUnknown } from '#oci/errors.js';
import { MemoryDriver } from '#storage/memory/memory-driver.js';
import type { PartWriter, UploadArea } from '#storage/upload-area.js';

import {
  chunkOf,
  drivers,
  type OpenDriver,
  repository,
  TestRegistry,
} from '../testing/registry.js';
import { SigningSecrets } from './signing-secrets.js';
import { UploadSessions } from './upload-sessions.js';
import type { UploadState } from './upload-state.js';

const owner = { name: repository, subject: 'alice' };
const content = randomBytes(300_000);

describe.each(drivers)('the digest of an upload %s', (_where, open) => {
  let storage: OpenDriver;
  beforeEach(async () => {
    storage = await open();
  });
  afterEach(() => storage.close());

  it('is never that of another line of the session that is as long', async () => {
    const registry = await TestRegistry.on(storage.driver);
    const uploads = registry.uploads(registry.blobs);
    const begun = uploads.begin(owner);
    const bodies = [content.subarray(0, 1000), content.subarray(1000, 2000)];
    const bothHaveBytes = gate(2);
    const tried = await Promise.allSettled(
      bodies.map((bytes) => uploads.append(begun, sent(bytes, bothHaveBytes.pass))),
    );
    // In a bucket one of them; its line is then the only one.
    const won = tried.findIndex(({ status }) => status === 'fulfilled');
    const [one, other] = [bodies[won] as Buffer, bodies[1 - won] as Buffer];
    const [state] = tried.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
    // A third request has the first line, so that the commit gets the second.
    const taken = gate(2);
    const left = Promise.withResolvers<void>();
    const holding = uploads.append(
      state as UploadState,
      sent(other, async () => {
        void taken.pass();
        await left.promise;
        throw new Error('the client left');
      }),
    );
    await taken.pass();
    const digest = Digest.of(one);
    await uploads.commit(state as UploadState, digest).catch(() => undefined);
    left.resolve();
    await expect(holding).rejects.toThrow('left');
    const { path } = registry.blobs.placeOf(repository, digest);
    const stored = await storage.driver.get(path, { limit: 4096 }).catch(() => one);
    expect(stored.equals(one)).toBe(true);
  });
});

describe('the digest of an upload to a storage that is costly to read again', () => {
  let driver: MemoryDriver;
  let registry: TestRegistry;
  let open: (amongOthers: boolean) => UploadSessions;
  let replicas: UploadSessions[];
  let reads: number;

  beforeEach(async () => {
    driver = new MemoryDriver();
    registry = await TestRegistry.on(driver);
    reads = 0;
    const area = costly(driver.uploads, () => reads++);
    const secrets = await SigningSecrets.load(driver, ['secret']);
    open = (amongOthers) =>
      new UploadSessions({ uploads: area }, registry.blobs, secrets, { amongOthers });
    replicas = [true, true, true].map(open);
  });
  afterEach(async () => {
    await Promise.all(replicas.map((replica) => replica.onApplicationShutdown()));
  });

  /** As the client carries it from one replica to another. */
  const carry = (state: UploadState, to: UploadSessions, alter = (token: string) => token) =>
    to.open(owner, state.session, alter(to.sign(state)));

  /** Uploads it cut at these offsets, each piece by another replica; the last of them with the commit if so wanted. */
  async function push(
    cuts: readonly number[],
    { ranges = true, lastWithCommit = false, algorithm = 'sha256' as DigestAlgorithm } = {},
  ): Promise<void> {
    const edges = [0, ...cuts.toSorted((a, b) => a - b), content.length];
    const pieces = edges.slice(1).map((end, index) => ({ start: edges[index] ?? 0, end }));
    const chunk = ({ start, end }: { start: number; end: number }) =>
      chunkOf(content.subarray(start, end), ranges ? { start } : {});
    const last = lastWithCommit ? pieces.pop() : undefined;
    const first = replicas[0] as UploadSessions;
    let state = first.begin(owner, algorithm);
    let turn = 0;
    const next = () => replicas[++turn % replicas.length] as UploadSessions;
    for (const piece of pieces) {
      const replica = next();
      state = await replica.append(carry(state, replica), chunk(piece));
    }
    const replica = next();
    const digest = Digest.of(content, algorithm);
    await replica.commit(carry(state, replica), digest, last && chunk(last));
    expect(await registry.blobs.stat(repository, digest)).toBe(content.length);
  }

  it.each(['sha256', 'sha512'] as const)(
    'travels as %s from one replica to the next, whatever each of them gets',
    async (algorithm) => {
      const cuts = fc.array(fc.integer({ min: 0, max: content.length }), {
        minLength: 1,
        maxLength: 9,
      });
      await fc.assert(
        fc.asyncProperty(cuts, fc.boolean(), async (at, lastWithCommit) => {
          await push(at, { algorithm, lastWithCommit });
        }),
        { numRuns: 20 },
      );
      expect(reads).toBe(0);
    },
  );

  it('needs no more than one body tells: nothing is saved of it', async () => {
    const replica = replicas[0] as UploadSessions;
    const state = await replica.append(replica.begin(owner), chunkOf(content));
    expect(state.hash).toBeUndefined();
    await push([]);
    await push([content.length], { ranges: false });
    expect(reads).toBe(0);
  });

  it('is read again after bodies that did not say that there are several', async () => {
    await push([1000, 2000], { ranges: false });
    expect(reads).toBe(1);
  });

  it('is read again where the saved state is of another version, which is no error', async () => {
    const [one, other] = replicas as [UploadSessions, UploadSessions];
    const state = await one.append(one.begin(owner), chunkOf(content.subarray(0, 5), { start: 0 }));
    const saved = Uint8Array.from(state.hash?.saved ?? []);
    expect(saved).toHaveLength(116);
    saved[0] = (saved[0] ?? 0) ^ 1;
    const foreign = carry({ ...state, hash: { algorithm: 'sha256', saved } }, other);
    const next = await other.append(foreign, chunkOf(content.subarray(5), { start: 5 }));
    expect([next.hash, next.digest]).toEqual([undefined, undefined]);
    await one.commit(carry(next, one), Digest.of(content));
    expect(reads).toBe(1);
  });

  it('stays where it is until an upload comes from elsewhere', async () => {
    replicas = [false, false].map(open);
    const [one, other] = replicas as [UploadSessions, UploadSessions];
    const half = () => chunkOf(content.subarray(0, 70_000), { start: 0 });
    const rest = () => chunkOf(content.subarray(70_000), { start: 70_000 });
    const alone = await one.append(await one.append(one.begin(owner), half()), rest());
    await one.commit(alone, Digest.of(content));
    expect([alone.hash, reads]).toEqual([undefined, 0]);
    const begun = await one.append(one.begin(owner), half());
    const moved = await other.append(carry(begun, other), rest());
    await other.commit(moved, Digest.of(content));
    // It was not expected, so that the commit had to read.
    expect([begun.hash, reads]).toEqual([undefined, 1]);
    const next = await other.append(other.begin(owner), half());
    expect(next.hash?.saved).toHaveLength(116);
    await one.commit(await one.append(carry(next, one), rest()), Digest.of(content));
    expect(reads).toBe(1);
  });

  it('is of no use altered', async () => {
    const [one, other] = replicas as [UploadSessions, UploadSessions];
    const state = await one.append(one.begin(owner), chunkOf(content, { start: 0 }));
    const turned = (token: string) => {
      const bytes = Buffer.from(token, 'base64url');
      const at = bytes.indexOf(Buffer.from(state.hash?.saved ?? []).toString('base64url'));
      bytes[at + 20] = (bytes[at + 20] ?? 0) ^ 1;
      return bytes.toString('base64url');
    };
    expect(() => carry(state, other, turned)).toThrow(BlobUploadUnknown);
  });

  it('goes on from the status of the session, and from its own digest', async () => {
    const [one, other] = replicas as [UploadSessions, UploadSessions];
    const half = await one.append(
      one.begin(owner),
      chunkOf(content.subarray(0, 70_000), { start: 0 }),
    );
    const asked = await other.status(carry(half, other));
    const rest = chunkOf(content.subarray(70_000), { start: 70_000 });
    const state = await other.append(carry(asked, other), rest);
    await one.commit(carry(state, one), Digest.of(content));
    expect(reads).toBe(0);
  });
});

/** Opens when so many wait at it. */
function gate(size: number) {
  const opened = Promise.withResolvers<void>();
  let waiting = 0;
  return {
    pass: async () => {
      if (++waiting === size) opened.resolve();
      await opened.promise;
    },
  };
}

/** A body that has come when `then` lets it end. */
function sent(content: Buffer, then: () => Promise<void>) {
  async function* bytes() {
    yield content;
    await then();
  }
  return { ...chunkOf(content), bytes: bytes() };
}

/** The area, with a price for what it is asked to read. */
function costly(area: UploadArea, onRead: () => void): UploadArea {
  const counting = (writer: PartWriter): PartWriter =>
    replacing(writer, {
      read: () => {
        onRead();
        return writer.read();
      },
    });
  return replacing(area, {
    reReads: 'costly',
    claim: async (...args) => counting(await area.claim(...args)),
    recover: async (...args) => counting(await area.recover(...args)),
  });
}

/** The same object to look at, but for some of its members. */
function replacing<T extends object>(target: T, members: Partial<T>): T {
  return new Proxy(target, {
    get: (_target, name) => {
      const value: unknown = Reflect.get(name in members ? members : target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
