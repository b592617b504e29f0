import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { commandLine } from '../support/command-line.js';
import { startHoldfast } from '../support/holdfast.js';
import { PeerRegistry } from '../support/peer-registry.js';
import { run } from '../support/process.js';
import { randomImage, sha256, writeLayout, type RandomImage } from '../support/random-image.js';
import { RegistryClient } from '../support/registry-client.js';
import { TempDir } from '../support/temp-dir.js';

jest.setTimeout(60_000);

interface Server {
  readonly host: string;
  readonly url: string;
  stop(): Promise<unknown>;
}

const repositories = ['app', 'team/app', 'team/many', 'team/deep/er', 'ours/new'];

describeWith(['docker-registry', 'registry', 'crane', 'skopeo'], 'the folder', (tools) => {
  let folder: TempDir;
  let root: string;
  /** Everything that was ever pushed. */
  let pushed: RandomImage[];

  beforeEach(async () => {
    folder = await TempDir.create('layout');
    root = folder.join('root');
    pushed = [];
  });
  afterEach(() => folder.remove());

  const dockerRegistry = () => PeerRegistry.start(tools['docker-registry'], root);
  const distribution = () => PeerRegistry.start(tools.registry, root);
  const holdfast = () => startHoldfast({ root });

  async function during<T>(starting: Promise<Server>, work: (server: Server) => Promise<T>) {
    const server = await starting;
    try {
      return await work(server);
    } finally {
      await server.stop();
    }
  }

  async function push(server: Server, reference: string, image: RandomImage): Promise<void> {
    const layout = folder.join(`layout-${pushed.length}`);
    pushed.push(image);
    await writeLayout(layout, image, '1');
    const [program = '', ...args] =
      image.root === image.manifests[0] && reference.startsWith('app')
        ? commandLine`${tools.crane} push ${layout} ${server.host}/${reference}`
        : commandLine`${tools.skopeo} copy --all --dest-tls-verify=false oci:${layout}:1 docker://${server.host}/${reference}`;
    await run(program, args, { env: { ...process.env, HOME: folder.path } });
  }

  const client = (server: Server) => new RegistryClient(server.url);

  /** Every tag, and of every digest ever pushed whether each repository has it, and as which type and bytes. */
  async function content(server: Server): Promise<string[]> {
    const registry = client(server);
    const digests = new Set(pushed.flatMap(({ blobs }) => [...blobs.keys()]));
    const seen: string[] = [];
    for (const repository of repositories) {
      const look = async (kind: string, reference: string) => {
        const answer = await registry[kind === 'blob' ? 'blob' : 'manifest'](repository, reference);
        if (answer.status === 200) {
          const type = answer.headers.get('content-type');
          seen.push(`${repository} ${kind} ${reference} ${type} ${sha256(answer.body)}`);
        }
      };
      for (const tag of (await registry.tags(repository)).toSorted()) await look('tag', tag);
      for (const digest of digests) {
        await look('manifest', digest);
        await look('blob', digest);
      }
    }
    return seen;
  }

  const samples = {
    image: randomImage({ layers: 4 }),
    older: randomImage(),
    newer: randomImage(),
    index: randomImage({ architectures: ['amd64', 'arm64'] }),
    otherIndex: randomImage({ architectures: ['amd64', 's390x'] }),
    large: randomImage({ layers: 1, layerSize: 300_000 }),
    doomed: randomImage(),
  };

  async function fill(server: Server): Promise<void> {
    await push(server, 'app:1', samples.image);
    await push(server, 'app:moved', samples.older);
    await push(server, 'app:moved', samples.newer);
    await push(server, 'team/many:1', samples.index);
    await push(server, 'team/many:2', samples.otherIndex);
    await push(server, 'team/deep/er:latest', samples.large);
    await run(tools.crane, ['copy', `${server.host}/app:1`, `${server.host}/team/app:v1.0_x`]);
    await push(server, 'team/app:doomed', samples.doomed);
    await push(server, 'team/app:moved-away', samples.doomed);
    await push(server, 'team/app:moved-away', samples.newer);
    const doomed = `/v2/team/app/manifests/${samples.doomed.root.digest}`;
    expect((await client(server).request('DELETE', doomed)).status).toBe(202);
  }

  it('filled by docker-registry is served by Holdfast as it is', async () => {
    const before = await during(dockerRegistry(), async (server) => {
      await fill(server);
      return content(server);
    });
    expect(before.length).toBeGreaterThan(50);
    expect(await during(holdfast(), content)).toEqual(before);
  });

  it('written to by Holdfast is served by docker-registry and Distribution again', async () => {
    await during(dockerRegistry(), fill);
    const written = await during(holdfast(), async (server) => {
      await push(server, 'app:2', randomImage());
      await push(server, 'app:moved', randomImage({ layers: 3 }));
      await push(server, 'ours/new:1', randomImage({ architectures: ['amd64', 'arm64'] }));
      await run(tools.crane, ['copy', `${server.host}/ours/new:1`, `${server.host}/team/many:3`]);
      await run(tools.crane, ['tag', `${server.host}/team/many:1`, 'alias']);
      const registry = client(server);
      const [layer = ''] = samples.image.blobs.keys();
      for (const path of [
        '/v2/team/many/manifests/2',
        `/v2/app/manifests/${samples.image.root.digest}`,
        `/v2/app/blobs/${layer}`,
      ]) {
        expect([path, (await registry.request('DELETE', path)).status]).toEqual([path, 202]);
      }
      return content(server);
    });
    expect(await during(dockerRegistry(), content)).toEqual(written);
    expect(await during(distribution(), content)).toEqual(written);
    const again = await during(dockerRegistry(), async (server) => {
      await push(server, 'app:2', randomImage());
      await push(server, 'ours/new:again', randomImage());
      return content(server);
    });
    expect(await during(holdfast(), content)).toEqual(again);
  });

  it('holds the same files whoever wrote them', async () => {
    const theirs = root;
    await during(dockerRegistry(), fill);
    root = folder.join('ours');
    await during(holdfast(), fill);
    const [expected, found] = await Promise.all([files(theirs), files(root)]);
    expect(Object.keys(found)).toEqual(Object.keys(expected));
    expect(found).toEqual(expected);
  });
});

/** What lies below `docker/registry/v2`, without uploads under way. */
async function files(root: string): Promise<Record<string, string>> {
  const base = join(root, 'docker', 'registry', 'v2');
  const found: Record<string, string> = {};
  const entries = await readdir(base, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((each) => each.isFile())) {
    const path = join(entry.parentPath, entry.name);
    if (path.includes('/_uploads/')) continue;
    const bytes = await readFile(path);
    found[relative(base, path)] = entry.name === 'link' ? bytes.toString() : sha256(bytes);
  }
  return Object.fromEntries(Object.entries(found).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
