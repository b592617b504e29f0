import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { Digest } from '#oci/digest.js';
import { parseRepositoryName } from '#oci/repository-name.js';
import { MemoryDriver } from '#storage/memory/memory-driver.js';

import { linkFile } from '../links.js';
import { repositoriesFolder, revisionLinkPath } from '../paths.js';
import { drivers, type OpenDriver } from '../testing/registry.js';
import { Repositories } from './repositories.js';

const digest = Digest.of(Buffer.from('x'));

describe.each(drivers)('Repositories %s', (_where, open) => {
  let storage: OpenDriver;
  let repositories: Repositories;

  beforeEach(async () => {
    storage = await open();
    repositories = new Repositories(storage.driver);
  });

  afterEach(() => storage.close());

  const seed = (names: readonly string[]) =>
    storage.driver.put(
      names.map((name) => linkFile(revisionLinkPath(parseRepositoryName(name), digest), digest)),
    );
  const pages = async (limit: number): Promise<string[]> => {
    const found: string[] = [];
    for (let more = true; more;) {
      const page = await repositories.list({ limit, after: found.at(-1) });
      if (page.more) expect(page.names).toHaveLength(limit);
      found.push(...page.names);
      ({ more } = page);
    }
    return found;
  };

  const names = [
    'a',
    'a-b',
    'a.b',
    'a/b',
    'a/b-c',
    'a/b/c',
    'a0',
    'a_b',
    'ab',
    'math',
    'math-voila',
    'math-voila/x',
    'math/x',
    'math/x/y',
    'z/only/below',
  ];

  it('lists nested names and their prefixes in ASCII order', async () => {
    await seed(names.toReversed());
    expect((await repositories.list({ limit: 100 })).names).toEqual(names);
    expect(names).toEqual(names.toSorted());
  });

  it('gives pages that together are the whole list, whatever their size', async () => {
    await seed(names);
    for (const limit of [1, 2, 3, names.length - 1, names.length, 100]) {
      expect(await pages(limit)).toEqual(names);
    }
  });

  it('goes on after any text, whether or not it is a name', async () => {
    await seed(names);
    const marks = [
      ...names,
      '',
      'a-',
      'a/',
      'a//',
      'math/',
      'math-',
      'math.',
      'zz',
      '~',
      '\u{1f600}',
    ];
    for (const after of [...marks, 'A', '../..', 'z/only', '%00', 'm'.repeat(5000)]) {
      const expected = names.filter((name) => name > after);
      expect((await repositories.list({ limit: 100, after })).names).toEqual(expected);
    }
  });

  it('knows a repository by its manifests only', async () => {
    await seed(['full']);
    await storage.driver.put([
      { path: `${repositoriesFolder}/blobs-only/_layers/sha256/0/link`, content: Buffer.from('') },
      {
        path: `${repositoriesFolder}/no-link/_manifests/revisions/sha256/0/x`,
        content: digestText,
      },
      {
        path: `${repositoriesFolder}/UPPER/_manifests/revisions/sha256/0/link`,
        content: digestText,
      },
      { path: `${repositoriesFolder}/_x/_manifests/revisions/sha256/0/link`, content: digestText },
      { path: `${repositoriesFolder}/a-file`, content: Buffer.from('x') },
    ]);
    expect(await repositories.list({ limit: 9 })).toEqual({ names: ['full'], more: false });
    expect(await repositories.exists(parseRepositoryName('full'))).toBe(true);
    expect(await repositories.exists(parseRepositoryName('blobs-only'))).toBe(false);
    expect(await repositories.exists(parseRepositoryName('no-link'))).toBe(false);
  });

  it('finds nothing in an empty storage', async () => {
    expect(await repositories.list({ limit: 9 })).toEqual({ names: [], more: false });
  });
});

const digestText = Buffer.from(digest.toString());

describe('Repositories of any names', () => {
  it('come in order, each once, page by page', async () => {
    const component = fc
      .array(fc.constantFrom('a', 'b', '0'), { minLength: 1, maxLength: 2 })
      .chain((parts) => fc.constantFrom('-', '.', '_', '__', '').map((join) => parts.join(join)));
    const name = fc.array(component, { minLength: 1, maxLength: 3 }).map((each) => each.join('/'));
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(name, { maxLength: 12 }),
        fc.integer({ min: 1, max: 5 }),
        async (names, limit) => {
          const driver = new MemoryDriver();
          await driver.put(
            names.map((each) =>
              linkFile(revisionLinkPath(parseRepositoryName(each), digest), digest),
            ),
          );
          const repositories = new Repositories(driver);
          const found: string[] = [];
          for (let more = true; more;) {
            const page = await repositories.list({ limit, after: found.at(-1) });
            found.push(...page.names);
            ({ more } = page);
          }
          expect(found).toEqual(names.toSorted());
        },
      ),
      { numRuns: 300 },
    );
  });
});
