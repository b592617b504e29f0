import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { randomImage, writeLayout } from '../support/random-image.js';
import { Setting, user } from './setting.js';

jest.setTimeout(60_000);

describeWith(['regctl'], 'regctl', ({ regctl }) => {
  let setting: Setting;
  const index = randomImage({ architectures: ['amd64', 'arm64'], layerSize: 50_000 });
  const at = (reference: string) => setting.at(reference);
  const lines = (text: string) => text.trim().split('\n');

  beforeAll(async () => {
    setting = await Setting.start('regctl');
    await setting.run`${regctl} registry set --tls disabled --skip-check ${setting.host}`;
  });
  afterAll(() => setting?.stop());

  it('is refused with a wrong password and let in with the right one', async () => {
    const login = (password: string) =>
      setting.attempt`${regctl} registry login -u ${user.username} -p ${password} ${setting.host}`;
    expect((await login('wrong')).code).not.toBe(0);
    expect((await login(user.password)).code).toBe(0);
  });

  it('pushes an index from a layout and pulls the same bytes', async () => {
    await writeLayout(setting.folder.join('layout'), index, '1');
    await setting.run`${regctl} image copy ocidir://layout:1 ${at('team/app:1')}`;
    expect(await setting.client.differences('team/app', index)).toEqual([]);
    await setting.run`${regctl} image copy ${at('team/app:1')} ocidir://back:1`;
    const digest = await setting.run`${regctl} image digest ocidir://back:1`;
    expect(digest.trim()).toBe(index.root.digest);
  });

  it('pushes blobs in chunks', async () => {
    const set = [regctl, 'registry', 'set', '--skip-check', setting.host];
    await setting.run`${set} --blob-max 1000 --blob-chunk 7000`;
    const image = randomImage({ layerSize: 50_000 });
    await writeLayout(setting.folder.join('chunks'), image, '1');
    await setting.run`${regctl} image copy ocidir://chunks:1 ${at('team/chunks:1')}`;
    expect(await setting.client.differences('team/chunks', image)).toEqual([]);
  });

  it('goes on with a push whose connection was cut', async () => {
    const image = randomImage({ layers: 1, layerSize: 8_000_000 });
    await writeLayout(setting.folder.join('large'), image, '1');
    const cut = { direction: 'requests', afterBytes: 3_000_000, times: 1 } as const;
    const proxy = await CuttingProxy.start(Number(setting.host.split(':')[1]), cut);
    try {
      const set = [regctl, 'registry', 'set', '--tls', 'disabled', '--skip-check', proxy.host];
      await setting.run`${set} --blob-max 1000 --blob-chunk 1000000`;
      await setting.run`${regctl} registry login -u ${user.username} -p ${user.password} ${proxy.host}`;
      await setting.run`${regctl} image copy ocidir://large:1 ${proxy.host}/team/large:1`;
      expect(proxy.cuts).toBe(1);
      expect(proxy.requested).toBeLessThan(9_500_000);
      expect(await setting.client.differences('team/large', image)).toEqual([]);
    } finally {
      await proxy.stop();
    }
  });

  it('mounts what another repository has', async () => {
    await setting.run`${regctl} image copy ${at('team/app:1')} ${at('other/app:1')}`;
    expect(await setting.client.differences('other/app', index)).toEqual([]);
  });

  it('attaches an artifact and shows it below its subject', async () => {
    const put = [regctl, 'artifact', 'put', '--artifact-type', 'application/x.test'];
    await setting.feed('a note')`${put} --subject ${at('team/app:1')}`;
    const tree = await setting.run`${regctl} artifact tree ${at('team/app:1')}`;
    expect(tree).toContain('application/x.test');
    const list = await setting.run`${regctl} artifact list --format body ${at('team/app:1')}`;
    expect(JSON.parse(list)).toMatchObject({ manifests: [{ artifactType: 'application/x.test' }] });
  });

  it('deletes a tag and leaves its manifest, then the manifest', async () => {
    await setting.run`${regctl} image copy ${at('other/app:1')} ${at('other/app:2')}`;
    await setting.run`${regctl} tag delete ${at('other/app:1')}`;
    expect(lines(await setting.run`${regctl} tag ls ${at('other/app')}`)).toEqual(['2']);
    await setting.run`${regctl} manifest delete ${at(`other/app@${index.root.digest}`)}`;
    expect(await setting.client.tags('other/app')).toEqual([]);
  });
});
