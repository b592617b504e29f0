import { copyFile, mkdir, writeFile } from 'node:fs/promises';

import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { DockerDaemon } from '../support/docker-daemon.js';
import { randomImage } from '../support/random-image.js';
import { Setting, user } from './setting.js';

jest.setTimeout(90_000);

const dockerfile = `FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "/bin/busybox echo built > /built"]
ENTRYPOINT ["/bin/busybox"]
`;

interface Index {
  readonly manifests: readonly { readonly platform: { readonly architecture: string } }[];
}

describeWith(['dockerd', 'docker', 'busybox'], 'docker', ({ dockerd, docker, busybox }) => {
  let setting: Setting;
  let daemon: DockerDaemon;
  const at = (reference: string) => setting.at(reference);

  beforeAll(async () => {
    daemon = await DockerDaemon.start(dockerd);
    setting = await Setting.start('docker', daemon.env);
    await mkdir(setting.folder.join('context'));
    await copyFile(busybox, setting.folder.join('context', 'busybox'));
    await writeFile(setting.folder.join('context', 'Dockerfile'), dockerfile);
  });
  afterAll(async () => {
    await setting?.stop();
    await daemon?.stop();
  });

  const login = (host: string, password: string) =>
    setting.feed(password)`${docker} login -u ${user.username} --password-stdin ${host}`;

  it('is refused with a wrong password and let in with the right one', async () => {
    expect((await login(setting.host, 'wrong')).stderr).toMatch(/401 Unauthorized/);
    expect((await login(setting.host, user.password)).code).toBe(0);
  });

  it('pushes what it built, pulls it back and runs it', async () => {
    await setting.run`${docker} build --network none -t ${at('team/app:1')} context`;
    const pushed = await setting.run`${docker} push ${at('team/app:1')}`;
    await setting.run`${docker} rmi ${at('team/app:1')}`;
    const pulled = await setting.run`${docker} pull ${at('team/app:1')}`;
    const [digest = ''] = /sha256:[0-9a-f]{64}/.exec(pushed) ?? [];
    expect(pulled).toContain(`Digest: ${digest}`);
    const run = [docker, 'run', '--rm', '--network', 'none', at('team/app:1')];
    expect(await setting.run`${run} cat /built`).toBe('built\n');
  });

  it('pushes only what is new', async () => {
    await setting.run`${docker} tag ${at('team/app:1')} ${at('team/app:2')}`;
    expect(await setting.run`${docker} push ${at('team/app:2')}`).toContain('Layer already exists');
    await setting.run`${docker} tag ${at('team/app:1')} ${at('other/app:1')}`;
    expect(await setting.run`${docker} push ${at('other/app:1')}`).toContain(
      'Mounted from team/app',
    );
  });

  it('pushes a manifest list', async () => {
    for (const architecture of ['amd64', 'arm64']) {
      const build = [docker, 'build', '--network', 'none', '--label', `for=${architecture}`];
      await setting.run`${build} -t ${at(`team/${architecture}:1`)} context`;
      await setting.run`${docker} push ${at(`team/${architecture}:1`)}`;
    }
    const parts = [at('team/amd64:1'), at('team/arm64:1')];
    await setting.run`${docker} manifest create --insecure ${at('team/many:1')} ${parts}`;
    await setting.run`${docker} manifest annotate --arch arm64 ${at('team/many:1')} ${at('team/arm64:1')}`;
    await setting.run`${docker} manifest push --insecure ${at('team/many:1')}`;
    const { body } = await setting.client.manifest('team/many', '1');
    const { manifests } = JSON.parse(body.toString()) as Index;
    expect(manifests.map(({ platform }) => platform.architecture)).toEqual(['amd64', 'arm64']);
    await setting.run`${docker} pull ${at('team/many:1')}`;
  });

  it('goes on with a pull whose connection was cut', async () => {
    const image = randomImage({ layers: 1, layerSize: 8_000_000 });
    await setting.client.push('team/large', '1', image);
    const cut = { direction: 'answers', afterBytes: 3_000_000, times: 1 } as const;
    const proxy = await CuttingProxy.start(Number(setting.host.split(':')[1]), cut);
    try {
      await login(proxy.host, user.password);
      await setting.run`${docker} pull ${proxy.host}/team/large:1`;
      expect(proxy.cuts).toBe(1);
      expect(proxy.answered).toBeLessThan(9_500_000);
    } finally {
      await proxy.stop();
    }
  });
});
