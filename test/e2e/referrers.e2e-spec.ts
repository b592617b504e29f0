import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { startHoldfast, type Holdfast } from '../support/holdfast.js';
import {
  digestOf,
  emptyConfig,
  image,
  ociIndex,
  ociManifest,
  RegistryApi,
} from '../support/registry-api.js';

const name = 'library/referrers';

interface Referrer {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

describe('referrers', () => {
  let holdfast: Holdfast;
  let api: RegistryApi;

  beforeAll(async () => {
    holdfast = await startHoldfast();
    api = new RegistryApi(holdfast.url);
    await api.pushBlob(name, emptyConfig);
  }, 60_000);

  afterAll(async () => {
    await holdfast?.stop();
  });

  const subjectOf = (digest: string) => ({ mediaType: ociManifest, digest, size: 7 });
  const refer = (subject: string, change: object = {}) =>
    api.pushManifest(name, image({ subject: subjectOf(subject), ...change }));
  const list = async (subject: string, query = '') => {
    const answer = await api.get(`/v2/${name}/referrers/${subject}${query}`);
    const { manifests } = JSON.parse(answer.body.toString()) as { manifests: Referrer[] };
    return { ...answer, manifests, digests: manifests.map(({ digest }) => digest) };
  };

  it('are an empty index for a subject that nobody knows', async () => {
    const answer = await list(digestOf('nobody'));
    expect(JSON.parse(answer.body.toString())).toEqual({
      schemaVersion: 2,
      mediaType: ociIndex,
      manifests: [],
    });
    expect([answer.status, answer.headers['content-type'], answer.headers['link']]).toEqual([
      200,
      ociIndex,
      undefined,
    ]);
  });

  it('are told when they are pushed, and listed with all that the manifest says of itself', async () => {
    const subject = digestOf('a subject that comes later, or never');
    const annotations = { who: 'me' };
    const one = await refer(subject, { artifactType: 'a/one', annotations });
    expect(one.answer.headers['oci-subject']).toBe(subject);
    const two = await refer(subject);
    const { manifests } = await list(subject);
    expect(manifests.find(({ digest }) => digest === one.digest)).toEqual({
      mediaType: ociManifest,
      digest: one.digest,
      size: one.body.length,
      artifactType: 'a/one',
      annotations,
    });
    expect(manifests.find(({ digest }) => digest === two.digest)).toMatchObject({
      artifactType: 'application/vnd.oci.empty.v1+json',
    });
    expect(manifests).toHaveLength(2);
  });

  it('are filtered by artifact type, which the answer says', async () => {
    const subject = digestOf('filtered');
    const one = await refer(subject, { artifactType: 'a/one' });
    await refer(subject, { artifactType: 'a/two' });
    const filtered = await list(subject, '?artifactType=a/one');
    expect([filtered.digests, filtered.headers['oci-filters-applied']]).toEqual([
      [one.digest],
      'artifactType',
    ]);
    expect((await list(subject, '?artifactType=a%2Fnone')).digests).toEqual([]);
    for (const query of ['', '?artifactType=']) {
      const all = await list(subject, query);
      expect([all.manifests.length, all.headers['oci-filters-applied']]).toEqual([2, undefined]);
    }
  });

  it('go when they are deleted, and stay when their subject is', async () => {
    const subject = (await api.pushManifest(name, image(), 'subject')).digest;
    const [one, two] = [await refer(subject), await refer(subject)];
    await api.send('DELETE', `/v2/${name}/manifests/${one.digest}`);
    expect((await list(subject)).digests).toEqual([two.digest]);
    await api.send('DELETE', `/v2/${name}/manifests/${subject}`);
    expect((await list(subject)).digests).toEqual([two.digest]);
    expect((await api.get(`/v2/library/other/referrers/${subject}`)).body.toString()).not.toContain(
      two.digest,
    );
  });

  it('come in pages that a client can read, with a Link that keeps the filter', async () => {
    const subject = digestOf('many');
    const pad = { pad: 'x'.repeat(1_000_000) };
    const pushed: string[] = [];
    for (let index = 0; index < 9; index++) {
      const artifactType = index < 8 ? 'a/many' : 'a/other';
      pushed.push(
        (await refer(subject, { artifactType, annotations: { ...pad, n: String(index) } })).digest,
      );
    }
    const path = `/v2/${name}/referrers/${subject}`;
    const all = await api.pages(path, 'manifests');
    const digests = (all.pages as unknown as Referrer[][]).flat().map(({ digest }) => digest);
    expect(digests).toEqual(pushed.toSorted());
    expect(all.pages.length).toBe(3);
    const filtered = await api.pages(`${path}?artifactType=a%2Fmany`, 'manifests');
    expect(filtered.pages.map((page) => page.length)).toEqual([4, 4]);
    expect(filtered.links.join()).toContain('artifactType=a%2Fmany');
    for (const link of [path, ...all.links]) {
      expect((await api.get(link)).body.length).toBeLessThan(4 * 1024 * 1024);
    }
  }, 60_000);

  it('that an older client listed by tag are taken in', async () => {
    const subject = digestOf('older');
    const manifest = image({ artifactType: 'a/old' });
    const listed = await api.pushManifest(name, { ...manifest, subject: subjectOf(subject) });
    const stranger = await api.pushManifest(name, image());
    const entries = [listed, stranger].map(({ digest }) => ({ ...subjectOf(digest), size: 1 }));
    const index = { schemaVersion: 2, mediaType: ociIndex, manifests: entries };
    await api.pushManifest(name, index, subject.replace(':', '-'));
    const { manifests } = await list(subject);
    expect(manifests).toMatchObject([{ digest: listed.digest, size: listed.body.length }]);
  });
});
