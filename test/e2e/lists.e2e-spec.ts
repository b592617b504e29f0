import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { startHoldfast, type Holdfast } from '../support/holdfast.js';
import { digestOf, RegistryApi } from '../support/registry-api.js';
import { TempDir } from '../support/temp-dir.js';

const digest = digestOf('{}');
const tagCount = 10_000;
const repositoryCount = 1_000;

/** Names whose order differs between ASCII, folders and words. */
const related = [
  'math',
  'math-voila',
  'math.x',
  'math/x',
  'math/x/y',
  'math0',
  'math_x',
  'a/b/c/d',
];

/** As Distribution lays them out. */
async function seedTag(root: string, repository: string, tag?: string): Promise<void> {
  const manifests = join(root, 'docker/registry/v2/repositories', repository, '_manifests');
  const revision = `sha256/${digest.slice(7)}`;
  const folders = [`revisions/${revision}`];
  if (tag) folders.push(`tags/${tag}/index/${revision}`, `tags/${tag}/current`);
  for (const folder of folders) {
    await mkdir(join(manifests, folder), { recursive: true });
    await writeFile(join(manifests, folder, 'link'), digest);
  }
}

describe('lists', () => {
  const tags = Array.from({ length: tagCount }, (_, index) => `v${index}.${index % 7}`).toSorted();
  const repositories = [
    ...related,
    ...Array.from({ length: repositoryCount }, (_, index) => `group${index % 10}/name-${index}`),
    'tagged',
  ].toSorted();
  let folder: TempDir;
  let holdfast: Holdfast;
  let api: RegistryApi;

  beforeAll(async () => {
    folder = await TempDir.create('lists');
    const root = folder.join('data');
    await Promise.all(tags.map((tag) => seedTag(root, 'tagged', tag)));
    await Promise.all(repositories.map((repository) => seedTag(root, repository)));
    holdfast = await startHoldfast({ root });
    api = new RegistryApi(holdfast.url);
  }, 120_000);

  afterAll(async () => {
    await holdfast?.stop();
    await folder?.remove();
  });

  describe.each([
    ['of tags (row G3)', '/v2/tagged/tags/list', 'tags', tags],
    ['of repositories (row G4)', '/v2/_catalog', 'repositories', repositories],
  ] as const)('%s', (_what, path, member, all) => {
    const page = async (query: string) => {
      const answer = await api.get(`${path}?${query}`);
      const body = JSON.parse(answer.body.toString()) as Record<string, string[]>;
      return { status: answer.status, list: body[member], link: answer.headers['link'] };
    };

    it.each(['', '?n=1000', '?n=977', '?n=100000', `?n=${2 ** 53}`, `?n=${'9'.repeat(30)}`])(
      'hold each entry once, in ASCII order, over all pages with "%s"',
      async (query) => {
        const { pages } = await api.pages(path + query, member);
        expect(pages.flat()).toEqual(all);
        expect(Math.max(...pages.map((each) => each.length))).toBeLessThanOrEqual(1000);
      },
      60_000,
    );

    it('have no page after the last, and no empty last page', async () => {
      const half = Math.floor(all.length / 2);
      const last = all[half - 1] ?? '';
      const rest = await page(`n=1000&last=${last}`);
      expect(rest.list).toEqual(all.slice(half, half + 1000));
      const exact = await page(`n=5&last=${encodeURIComponent(all.at(-6) ?? '')}`);
      expect([exact.list, exact.link]).toEqual([all.slice(-5), undefined]);
      const none = await page(`last=${encodeURIComponent(all.at(-1) ?? '')}`);
      expect([none.status, none.list, none.link]).toEqual([200, [], undefined]);
    });

    it('go on after a mark that is not there', async () => {
      for (const mark of ['', '!', 'M', 'math-', 'v5', 'zzz', '~', '\u{1f600}', '../..', '%']) {
        const expected = all.filter((entry) => entry > mark).slice(0, 10);
        expect((await page(`n=10&last=${encodeURIComponent(mark)}`)).list).toEqual(expected);
      }
    });

    it('are empty for n=0, without a Link', async () => {
      expect(await page('n=0')).toEqual({ status: 200, list: [], link: undefined });
    });

    it('name the next page by the path that was asked', async () => {
      const { link } = await page('n=3&last=');
      expect(link).toBe(`<${path}?n=3&last=${encodeURIComponent(all[2] ?? '')}>; rel="next"`);
    });
  });

  it('answer for their own repository', async () => {
    const answer = await api.get('/v2/tagged/tags/list?n=1');
    expect(JSON.parse(answer.body.toString())).toEqual({ name: 'tagged', tags: [tags[0]] });
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    const untagged = await api.get('/v2/math/tags/list');
    expect([untagged.status, JSON.parse(untagged.body.toString())]).toEqual([
      200,
      { name: 'math', tags: [] },
    ]);
  });

  it('stay as long as the configuration says', async () => {
    const config = { tags: { maxtags: 7 }, catalog: { maxentries: 3 } };
    const small = await startHoldfast({ root: folder.join('data'), config });
    try {
      const other = new RegistryApi(small.url);
      for (const [path, member, most] of [
        ['/v2/tagged/tags/list', 'tags', 7],
        ['/v2/_catalog', 'repositories', 3],
      ] as const) {
        for (const query of ['', '?n=1000']) {
          const answer = await other.get(path + query);
          const list = (JSON.parse(answer.body.toString()) as Record<string, string[]>)[member];
          expect([list?.length, typeof answer.headers['link']]).toEqual([most, 'string']);
        }
      }
    } finally {
      await small.stop();
    }
  }, 60_000);

  it('lose the tags of a digest that is deleted, all of them, and nobody waits for it', async () => {
    await seedTag(holdfast.root, 'tagged-too', 'other');
    const deleting = api.send('DELETE', `/v2/tagged/manifests/${digest}`);
    const answered: number[] = [];
    let done = false;
    void deleting.finally(() => (done = true));
    while (!done) {
      const began = performance.now();
      await api.get('/v2/tagged-too/tags/list');
      answered.push(performance.now() - began);
    }
    expect((await deleting).status).toBe(202);
    expect((await api.get('/v2/tagged/tags/list')).status).toBe(404);
    expect((await api.get('/v2/tagged-too/tags/list')).body.toString()).toContain('other');
    expect(answered.length).toBeGreaterThan(3);
  }, 120_000);
});
