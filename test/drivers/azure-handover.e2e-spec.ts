import { beforeAll, expect, it } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { startHoldfast } from '../support/holdfast.js';
import { PeerRegistry } from '../support/peer-registry.js';
import { randomImage, type RandomImage } from '../support/random-image.js';
import { RegistryClient } from '../support/registry-client.js';
import { Azurite } from '../support/servers/azurite.js';
import { serverOfSuite } from '../support/servers/server-of-suite.js';

interface Server {
  readonly url: string;
  stop(): Promise<unknown>;
}

describeWith(['azurite-blob', 'registry'], 'a container of Distribution', (tools) => {
  const azurite = serverOfSuite((folder) => Azurite.start(folder));
  beforeAll(async () => azurite().makeContainer('registry'));

  const storage = () => ({
    azure: {
      accountname: azurite().accountName,
      accountkey: azurite().accountKey,
      container: 'registry',
      serviceurl: azurite().endpoint,
      rootdirectory: '/a/root',
      credentials: { type: 'shared_key' },
    },
    redirect: { disable: true },
    delete: { enabled: true },
  });
  const distribution = () => PeerRegistry.start(tools.registry, storage());
  const holdfast = () =>
    startHoldfast({ config: { storage: storage(), http: { secret: 'secret' } } });

  async function during(
    starting: Promise<Server>,
    work: (client: RegistryClient) => Promise<void>,
  ) {
    const server = await starting;
    try {
      await work(new RegistryClient(server.url));
    } finally {
      await server.stop();
    }
  }

  /** The tag is this image, and every byte of it is there. */
  async function has(client: RegistryClient, repository: string, tag: string, image: RandomImage) {
    const { headers } = await client.manifest(repository, tag);
    expect(headers.get('docker-content-digest')).toBe(image.root.digest);
    expect(await client.differences(repository, image)).toEqual([]);
  }

  it('is gone on with, and handed back', async () => {
    const first = randomImage({ layers: 1, layerSize: 9_000_000 });
    const second = randomImage();
    const third = randomImage();
    await during(distribution(), async (client) => {
      await client.push('team/app', 'kept', first);
      await client.push('team/app', 'moved', first);
    });
    await during(holdfast(), async (client) => {
      await has(client, 'team/app', 'kept', first);
      await client.push('team/app', 'moved', second);
      await client.push('ours', 'new', first);
      await has(client, 'team/app', 'moved', second);
      expect(await client.tags('team/app')).toEqual(['kept', 'moved']);
    });
    await during(distribution(), async (client) => {
      await has(client, 'team/app', 'kept', first);
      await has(client, 'team/app', 'moved', second);
      await has(client, 'ours', 'new', first);
      await client.push('team/app', 'moved', third);
    });
    await during(holdfast(), async (client) => {
      await has(client, 'ours', 'new', first);
      await has(client, 'team/app', 'moved', third);
    });
  }, 120_000);
});
