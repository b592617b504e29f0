import { copyFile, mkdir, writeFile } from 'node:fs/promises';

import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { commandLine } from '../support/command-line.js';
import { Setting, user } from './setting.js';

jest.setTimeout(60_000);

const containerfile = `FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "/bin/busybox echo built > /built"]
`;

interface Index {
  readonly manifests: readonly { readonly platform: { readonly architecture: string } }[];
}

describeWith(['buildah', 'runc', 'busybox'], 'buildah', (tools) => {
  let setting: Setting;
  const at = (reference: string) => setting.at(reference);
  const buildah = () => {
    const { folder } = setting;
    return commandLine`${tools.buildah} --root ${folder.join('root')} --runroot ${folder.join('run')} --storage-driver vfs`;
  };

  beforeAll(async () => {
    setting = await Setting.start('buildah');
    await mkdir(setting.folder.join('context'));
    await copyFile(tools.busybox, setting.folder.join('context', 'busybox'));
    await writeFile(setting.folder.join('context', 'Containerfile'), containerfile);
  });
  afterAll(() => setting?.stop());

  it('is refused with a wrong password and let in with the right one', async () => {
    const login = (password: string) =>
      setting.attempt`${buildah()} login --tls-verify=false -u ${user.username} -p ${password} ${setting.host}`;
    expect((await login('wrong')).code).not.toBe(0);
    expect((await login(user.password)).code).toBe(0);
  });

  it('builds an image and pushes it', async () => {
    await setting.run`${buildah()} bud --isolation chroot -t ${at('team/app:1')} context`;
    await setting.run`${buildah()} push --tls-verify=false ${at('team/app:1')}`;
    expect((await setting.client.manifest('team/app', '1')).headers.get('content-type')).toBe(
      'application/vnd.oci.image.manifest.v1+json',
    );
  });

  it('pulls it and finds what was built', async () => {
    await setting.run`${buildah()} rmi -a`;
    await setting.run`${buildah()} pull --tls-verify=false ${at('team/app:1')}`;
    const container = (await setting.run`${buildah()} from ${at('team/app:1')}`).trim();
    const run = [...buildah(), 'run', '--isolation', 'chroot', container];
    expect(await setting.run`${run} -- /bin/busybox cat /built`).toBe('built\n');
    await setting.run`${buildah()} rm ${container}`;
  });

  it('pushes an index for two architectures', async () => {
    await setting.run`${buildah()} manifest create many`;
    for (const architecture of ['amd64', 'arm64']) {
      await setting.run`${buildah()} bud --isolation chroot --arch ${architecture} --manifest many context`;
    }
    await setting.run`${buildah()} manifest push --all --tls-verify=false many docker://${at('team/many:1')}`;
    const { body } = await setting.client.manifest('team/many', '1');
    const { manifests } = JSON.parse(body.toString()) as Index;
    expect(manifests.map(({ platform }) => platform.architecture)).toEqual(['amd64', 'arm64']);
  });
});
