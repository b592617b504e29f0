import { copyFile, mkdir, readFile } from 'node:fs/promises';

import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { DockerDaemon } from '../support/docker-daemon.js';
import { type Holdfast, startHoldfast } from '../support/holdfast.js';
import { run } from '../support/process.js';
import { randomImage, writeLayout } from '../support/random-image.js';
import { TempDir } from '../support/temp-dir.js';
import { FollowingClient } from './following-client.js';
import { type Kind, LoadBalancer } from './load-balancer.js';

jest.setTimeout(120_000);

const kinds: readonly (readonly [Kind, string])[] = [
  ['nginx', 'nginx'],
  ['haproxy', 'haproxy'],
  ['httpd', 'apache2'],
];

/** What a client may send to be sent elsewhere. */
const forged = {
  forwarded: 'host=evil.example;proto=http',
  'x-forwarded-host': 'evil.example',
  'x-forwarded-proto': 'http',
  'x-forwarded-port': '1',
  'x-forwarded-prefix': '/evil',
};

for (const [kind, program] of kinds) {
  describeWith([program], `L1: behind ${kind}, which ends TLS on an odd port`, (paths) => {
    let registry: Holdfast;
    let balancer: LoadBalancer;
    let folder: TempDir;
    const path = () => paths[program] ?? program;

    beforeAll(async () => {
      registry = await startHoldfast();
      balancer = await LoadBalancer.start(kind, path(), registry.host);
      folder = await TempDir.create('clients');
    });
    afterAll(async () => {
      await balancer?.stop();
      await registry?.stop();
      await folder?.remove();
    });

    it('sends clients back to where they came from', async () => {
      const client = new FollowingClient(balancer.url, balancer.authority);
      expect(await client.pushAndPull('team/app')).toEqual([]);
      expect(client.locations.length).toBeGreaterThan(6);
      for (const location of client.locations) {
        expect(location.startsWith(`${balancer.url}/v2/team/app/`)).toBe(true);
      }
    });

    it('L7: does not believe what the client says of itself', async () => {
      const client = new FollowingClient(balancer.url, balancer.authority, forged);
      expect(await client.pushAndPull('team/forged')).toEqual([]);
      for (const location of client.locations) {
        expect(location.startsWith(`${balancer.url}/v2/team/forged/`)).toBe(true);
      }
    });

    it('takes paths as they are', async () => {
      const client = new FollowingClient(balancer.url, balancer.authority);
      for (const [target, statuses] of [
        ['/v2/a%2Fb/tags/list', [400, 404]],
        ['/v2/a/%2e%2e/b/tags/list', [400, 404]],
        ['/v2/a//b/tags/list', [400, 404]],
      ] as const) {
        expect(statuses).toContain((await client.send('GET', target)).status);
      }
    });

    it('carries a large blob both ways', async () => {
      const client = new FollowingClient(balancer.url, balancer.authority);
      expect(await client.pushAndPull('team/large', 30_000_000)).toEqual([]);
    });
  });

  describeWith([program], `L1: behind ${kind} below a path`, (paths) => {
    it('keeps the path in every Location', async () => {
      const registry = await startHoldfast({ config: { http: { prefix: '/team/registry/' } } });
      const balancer = await LoadBalancer.start(kind, paths[program] ?? program, registry.host);
      try {
        const base = `${balancer.url}/team/registry`;
        const client = new FollowingClient(base, balancer.authority);
        expect(await client.pushAndPull('app')).toEqual([]);
        for (const location of client.locations) {
          expect(location.startsWith(`${base}/v2/app/`)).toBe(true);
        }
      } finally {
        await balancer.stop();
        await registry.stop();
      }
    });
  });

  describeWith([program, 'skopeo'], `L1: skopeo through ${kind}`, (paths) => {
    it('pushes an image and pulls the same bytes', async () => {
      const registry = await startHoldfast();
      const balancer = await LoadBalancer.start(kind, paths[program] ?? program, registry.host);
      const folder = await TempDir.create('skopeo');
      try {
        const image = randomImage({ architectures: ['amd64', 'arm64'] });
        await writeLayout(folder.join('image'), image, '1');
        const certs = balancer.folder.join('authority');
        const copy = (from: string, to: string) =>
          run(
            paths['skopeo'] ?? 'skopeo',
            ['copy', '--all', '--src-cert-dir', certs, '--dest-cert-dir', certs, from, to],
            { cwd: folder.path, env: { PATH: process.env['PATH'], TMPDIR: folder.path } },
          );
        const remote = `docker://${balancer.host}/team/app:1`;
        await copy('oci:image:1', remote);
        await copy(remote, 'oci:back:1');
        for (const [digest, content] of image.blobs) {
          const file = folder.join('back', 'blobs', digest.replace(':', '/'));
          expect(content.equals(await readFile(file))).toBe(true);
        }
      } finally {
        await folder.remove();
        await balancer.stop();
        await registry.stop();
      }
    });
  });
}

describeWith(
  ['dockerd', 'docker', 'busybox', 'nginx', 'haproxy', 'apache2'],
  'L1: docker through load balancers',
  (paths) => {
    let daemon: DockerDaemon;
    let registry: Holdfast;

    beforeAll(async () => {
      daemon = await DockerDaemon.start(paths.dockerd);
      registry = await startHoldfast();
    });
    afterAll(async () => {
      await registry?.stop();
      await daemon?.stop();
    });

    it.each(kinds)('pushes and pulls through %s', async (kind, program) => {
      const balancer = await LoadBalancer.start(
        kind,
        paths[program as keyof typeof paths],
        registry.host,
      );
      const folder = await TempDir.create('docker');
      try {
        const docker = (...args: string[]) =>
          run(paths.docker, args, {
            cwd: folder.path,
            env: { ...daemon.env, PATH: process.env['PATH'], DOCKER_CONFIG: folder.join('docker') },
          });
        await mkdir(folder.join('rootfs'));
        await copyFile(paths.busybox, folder.join('rootfs', 'busybox'));
        await run('tar', ['-C', folder.join('rootfs'), '-cf', folder.join('rootfs.tar'), '.']);
        // To 127.0.0.0/8 docker speaks TLS without asking who signed.
        const name = `${balancer.host.replace('localhost', '127.0.0.1')}/team/${kind}:1`;
        await docker('import', 'rootfs.tar', name);
        const pushed = await docker('push', name);
        await docker('rmi', name);
        const [digest = ''] = /sha256:[0-9a-f]{64}/.exec(pushed) ?? [];
        expect(await docker('pull', name)).toContain(`Digest: ${digest}`);
      } finally {
        await folder.remove();
        await balancer.stop();
      }
    });
  },
);
