import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';

import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { commandLine } from '../support/command-line.js';
import { tar } from '../support/tar.js';
import { Setting, user } from './setting.js';

jest.setTimeout(60_000);

interface Manifest {
  readonly layers: readonly { readonly mediaType: string }[];
}

describeWith(['podman'], 'podman', (tools) => {
  let setting: Setting;
  const at = (reference: string) => setting.at(reference);
  const podman = () => {
    const { folder } = setting;
    return commandLine`${tools.podman} --root ${folder.join('root')} --runroot ${folder.join('run')}
      --tmpdir ${folder.join('tmp')} --storage-driver vfs --cgroup-manager cgroupfs --events-backend file`;
  };

  beforeAll(async () => {
    setting = await Setting.start('podman');
    // Random, because podman remembers which registry has which blob in a file that outlives the test.
    for (const name of ['one', 'two', 'three']) {
      const content = randomBytes(1000);
      await writeFile(setting.folder.join(`${name}.tar`), tar([{ name, content }]));
    }
  });
  afterAll(() => setting?.stop());

  it('is refused with a wrong password and let in with the right one', async () => {
    const login = (password: string) =>
      setting.attempt`${podman()} login --tls-verify=false -u ${user.username} -p ${password} ${setting.host}`;
    expect((await login('wrong')).code).not.toBe(0);
    expect((await login(user.password)).code).toBe(0);
  });

  it('pushes an image and pulls the same one', async () => {
    await setting.run`${podman()} import one.tar ${at('team/app:1')}`;
    await setting.run`${podman()} push --tls-verify=false ${at('team/app:1')}`;
    const inspect = [...podman(), 'image', 'inspect', '--format', '{{.Id}}', at('team/app:1')];
    const pushed = await setting.run`${inspect}`;
    await setting.run`${podman()} rmi -a`;
    await setting.run`${podman()} pull --tls-verify=false ${at('team/app:1')}`;
    expect(await setting.run`${inspect}`).toBe(pushed);
  });

  it('pushes layers compressed with zstd', async () => {
    const push = [...podman(), 'push', '--tls-verify=false', '--compression-format', 'zstd'];
    await setting.run`${podman()} import two.tar ${at('team/zstd:1')}`;
    await setting.run`${push} ${at('team/zstd:1')}`;
    const { body } = await setting.client.manifest('team/zstd', '1');
    const { layers } = JSON.parse(body.toString()) as Manifest;
    expect(layers[0]?.mediaType).toBe('application/vnd.oci.image.layer.v1.tar+zstd');
    await setting.run`${podman()} pull --tls-verify=false ${at('team/zstd:1')}`;
  });

  it('pushes an index for two architectures and takes its own from it', async () => {
    await setting.run`${podman()} manifest create many`;
    for (const architecture of ['arm64', 'amd64']) {
      const image = `localhost/${architecture}`;
      await setting.run`${podman()} import --arch ${architecture} three.tar ${image}`;
      await setting.run`${podman()} manifest add many containers-storage:${image}`;
    }
    await setting.run`${podman()} manifest push --all --tls-verify=false many docker://${at('team/many:1')}`;
    await setting.run`${podman()} pull --tls-verify=false ${at('team/many:1')}`;
    const inspect = [...podman(), 'image', 'inspect', '--format', '{{.Architecture}}'];
    expect(await setting.run`${inspect} ${at('team/many:1')}`).toBe('amd64\n');
  });

  it('searches the catalog', async () => {
    const found = await setting.run`${podman()} search --tls-verify=false ${at('team/z')}`;
    expect(found).toContain('team/zstd');
  });
});
