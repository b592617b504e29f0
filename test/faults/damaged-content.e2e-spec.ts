import { mkdir, open, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { describe, expect, it } from '@jest/globals';

import { run } from '../support/process.js';
import { RegistryClient } from '../support/registry-client.js';
import { digestOf, HttpPusher } from './http-pusher.js';
import { serve } from './processes/serve.js';
import { withFolder } from './with-folder.js';

const repository = 'damaged/content';
const layers = { small: Buffer.alloc(20_000, 'small'), large: Buffer.alloc(900_000, 'large') };

type Client = RegistryClient;

interface Folder {
  readonly root: string;
  readonly client: Client;
  readonly pusher: HttpPusher;
  readonly blobFile: (digest: string) => string;
  readonly tagFile: (tag: string) => string;
}

/** A registry, started anew on content that was there, as `change` left it. */
async function withChanged(
  change: (folder: Omit<Folder, 'client' | 'pusher'>) => Promise<void>,
  check: (folder: Folder) => Promise<void>,
): Promise<void> {
  await withFolder(async (root) => {
    const repositories = join(root, 'docker/registry/v2/repositories', repository);
    const files = {
      root,
      blobFile: (digest: string) => {
        const hex = digest.slice('sha256:'.length);
        return join(root, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
      },
      tagFile: (tag: string) => join(repositories, '_manifests/tags', tag, 'current/link'),
    };
    const first = await serve({ rootdirectory: root });
    const pusher = new HttpPusher(first.url, repository);
    for (const blob of [Buffer.from('{}'), layers.small, layers.large]) {
      await pusher.pushWhole(blob);
    }
    for (const tag of ['good', 'bad']) await pusher.setTag(tag, layers.large);
    await first.close();
    await change(files);
    const { close, url } = await serve({ rootdirectory: root });
    try {
      pusher.turnTo(url);
      await check({ ...files, client: new RegistryClient(url), pusher });
    } finally {
      await close();
    }
  });
}

async function flip(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  await handle.write(Buffer.from([0xff]), 0, 1, 1000);
  await handle.close();
}

const headOf = async (client: Client, digest: string) =>
  (await client.request('HEAD', `/v2/${repository}/blobs/${digest}`)).status;

describe('D4 a stored blob that', () => {
  it.each([
    ['was cut, and is small', 'small', (file: string) => truncate(file, 100)],
    ['was cut, and is large', 'large', (file: string) => truncate(file, 899_999)],
    ['was emptied', 'large', (file: string) => truncate(file, 0)],
    ['was made longer', 'large', (file: string) => truncate(file, 900_001)],
  ] as const)(
    '%s: is never a short 200, and heals when it is pushed again',
    async (_, kind, harm) => {
      const layer = layers[kind];
      const digest = digestOf(layer);
      await withChanged(
        ({ blobFile }) => harm(blobFile(digest)),
        async ({ client, pusher }) => {
          expect((await client.blob(repository, digest)).status).toBe(500);
          expect(await headOf(client, digest)).toBe(404);
          await pusher.pushInParts(layer);
          expect(await headOf(client, digest)).toBe(200);
          expect((await client.blob(repository, digest)).body.equals(layer)).toBe(true);
        },
      );
    },
  );

  it('was altered, and is small: is not sent, and heals', async () => {
    const digest = digestOf(layers.small);
    await withChanged(
      ({ blobFile }) => flip(blobFile(digest)),
      async ({ client, pusher }) => {
        expect((await client.blob(repository, digest)).status).toBe(500);
        expect(await headOf(client, digest)).toBe(404);
        await pusher.pushWhole(layers.small);
        expect((await client.blob(repository, digest)).body.equals(layers.small)).toBe(true);
      },
    );
  });

  it('was altered, and is large: heals when it is pushed again', async () => {
    const digest = digestOf(layers.large);
    await withChanged(
      ({ blobFile }) => flip(blobFile(digest)),
      async ({ client, pusher }) => {
        await pusher.pushWhole(layers.large);
        expect((await client.blob(repository, digest)).body.equals(layers.large)).toBe(true);
      },
    );
  });

  it('is gone: 404, and is there when it is pushed again', async () => {
    const digest = digestOf(layers.large);
    await withChanged(
      ({ blobFile }) => rm(blobFile(digest)),
      async ({ client, pusher }) => {
        expect(await headOf(client, digest)).toBe(404);
        await pusher.pushWhole(layers.large);
        expect((await client.blob(repository, digest)).body.equals(layers.large)).toBe(true);
      },
    );
  });

  it('is a manifest that was cut: is not sent, and heals', async () => {
    const { digest } = HttpPusher.manifestOf(layers.large);
    await withChanged(
      ({ blobFile }) => truncate(blobFile(digest), 50),
      async ({ client, pusher }) => {
        expect((await client.manifest(repository, 'good')).status).toBe(500);
        const path = `/v2/${repository}/manifests/good`;
        expect((await client.request('HEAD', path)).status).toBe(404);
        await pusher.setTag('good', layers.large);
        expect((await client.manifest(repository, 'good')).status).toBe(200);
      },
    );
  });
});

describe('D5 a tag whose link', () => {
  const other = `sha256:${'0'.repeat(64)}`;
  const harms: readonly (readonly [string, (file: string) => Promise<unknown>])[] = [
    ['is empty', (file) => writeFile(file, '')],
    ['is garbage', (file) => writeFile(file, '\u0000\uffffnot a digest')],
    ['is too long', (file) => writeFile(file, other.repeat(40))],
    ['names a digest that is not there', (file) => writeFile(file, other)],
    ['leads out of the folder', (file) => writeFile(file, 'sha256:../../../../etc/passwd')],
    ['is missing', (file) => rm(file)],
    [
      'is a named pipe',
      async (file) => {
        await rm(file);
        await run('mkfifo', [file]);
      },
    ],
  ];

  it.each(harms)(
    '%s: answers 404, harms no other, and heals when it is set again',
    async (_, harm) => {
      await withChanged(
        ({ tagFile }) => harm(tagFile('bad')).then(() => undefined),
        async ({ client, pusher }) => {
          expect((await client.manifest(repository, 'bad')).status).toBe(404);
          await expectTheRest(client);
          await pusher.setTag('bad', layers.large);
          expect((await client.manifest(repository, 'bad')).status).toBe(200);
        },
      );
    },
  );

  it('is a folder: answers 404, and harms no other', async () => {
    await withChanged(
      async ({ tagFile }) => {
        await rm(tagFile('bad'));
        await mkdir(join(tagFile('bad'), 'below'), { recursive: true });
      },
      async ({ client }) => {
        expect((await client.manifest(repository, 'bad')).status).toBe(404);
        await expectTheRest(client);
      },
    );
  });

  it('stands among files that are not ours: they are not listed', async () => {
    await withChanged(
      async ({ root, tagFile }) => {
        const tags = dirname(dirname(dirname(tagFile('good'))));
        await writeFile(join(tags, 'README'), 'hello');
        await writeFile(join(root, 'docker/registry/v2/repositories/.DS_Store'), 'x');
        await mkdir(join(root, 'docker/registry/v2/repositories/lost+found'));
        await mkdir(join(tags, 'not a tag!'));
      },
      async ({ client }) => {
        await expectTheRest(client);
        expect(await client.tags(repository)).toEqual(['bad', 'good']);
      },
    );
  });
});

/** What a damaged tag must leave as it is. */
async function expectTheRest(client: Client): Promise<void> {
  expect((await client.manifest(repository, 'good')).status).toBe(200);
  expect(await client.tags(repository)).toContain('good');
  expect(await client.repositories()).toEqual([repository]);
}
