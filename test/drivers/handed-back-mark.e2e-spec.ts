import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from '@jest/globals';

import { removalMark } from '#storage/bucket/removal-mark.js';

import { describeWith } from '../components/components.js';
import { startHoldfast } from '../support/holdfast.js';
import { PeerRegistry } from '../support/peer-registry.js';
import { run } from '../support/process.js';
import { ociManifest, RegistryApi } from '../support/registry-api.js';
import { TempDir } from '../support/temp-dir.js';

describeWith(['docker-registry', 'registry'], 'a tag that was removed by a mark', (tools) => {
  let folder: TempDir;
  let root: string;
  beforeEach(async () => {
    folder = await TempDir.create('mark');
    root = folder.join('root');
    await mkdir(root);
  });
  afterEach(() => folder.remove());

  it.each(['docker-registry', 'registry'] as const)(
    'is an unknown manifest to %s, which goes on, and collects garbage',
    async (program) => {
      const ours = await startHoldfast({ root });
      const pushed = new RegistryApi(ours.url);
      const { digest, body } = await pushed.pushImage('team/app', 'kept');
      await pushed.pushImage('team/app', 'removed');
      await ours.stop();
      const peer = await PeerRegistry.start(tools[program], root);
      try {
        const api = new RegistryApi(peer.url);
        const link =
          'docker/registry/v2/repositories/team/app/_manifests/tags/removed/current/link';
        await writeFile(join(root, link), removalMark);

        for (const method of ['GET', 'HEAD']) {
          const answer = await api.send(method, '/v2/team/app/manifests/removed');
          expect(answer.status).toBe(404);
        }
        expect((await api.get('/v2/team/app/tags/list')).status).toBe(200);
        const accept = { accept: ociManifest };
        expect((await api.get('/v2/team/app/manifests/kept', accept)).status).toBe(200);

        const config = folder.join('config.yml');
        await writeFile(
          config,
          `version: 0.1\nstorage: { filesystem: { rootdirectory: ${root} } }\n`,
        );
        for (const more of [[], ['--delete-untagged']]) {
          await run(tools[program], ['garbage-collect', ...more, config]);
        }
        const after = await api.get(`/v2/team/app/manifests/${digest}`, accept);
        expect(after.status).toBe(200);
        const again = { body, headers: { 'content-type': ociManifest } };
        expect((await api.send('PUT', '/v2/team/app/manifests/removed', again)).status).toBe(201);
        const pulled = await api.get('/v2/team/app/manifests/removed', { accept: ociManifest });
        expect(pulled.headers['docker-content-digest']).toBe(digest);
      } finally {
        await peer.stop();
      }
    },
    60_000,
  );
});
