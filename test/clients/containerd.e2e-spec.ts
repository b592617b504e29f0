import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { ContainerdDaemon } from '../support/containerd-daemon.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { randomImage } from '../support/random-image.js';
import { Setting, user } from './setting.js';

jest.setTimeout(60_000);

describeWith(['containerd', 'ctr'], 'containerd', ({ containerd, ctr }) => {
  let setting: Setting;
  let daemon: ContainerdDaemon;
  const index = randomImage({ architectures: ['amd64', 'arm64'] });
  const images = () => [ctr, '-a', daemon.socket, 'images'];
  const plain = ['--plain-http', '-u', `${user.username}:${user.password}`];
  const at = (reference: string) => setting.at(reference);

  beforeAll(async () => {
    daemon = await ContainerdDaemon.start(containerd);
    setting = await Setting.start('containerd');
    await setting.client.push('team/many', '1', index);
  });
  afterAll(async () => {
    await setting?.stop();
    await daemon?.stop();
  });

  it('is refused with a wrong password', async () => {
    const wrong = ['--plain-http', '-u', `${user.username}:wrong`];
    const { code, stderr } =
      await setting.attempt`${images()} pull --snapshotter native ${wrong} ${at('team/many:1')}`;
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/401 Unauthorized|authorization failed/);
  });

  it('pulls every image of an index and pushes them under another name', async () => {
    await setting.run`${images()} pull --all-platforms --snapshotter native ${plain} ${at('team/many:1')}`;
    await setting.run`${images()} tag ${at('team/many:1')} ${at('other/many:1')}`;
    await setting.run`${images()} push ${plain} ${at('other/many:1')}`;
    expect(await setting.client.differences('other/many', index)).toEqual([]);
  });

  it('goes on with a pull whose connection was cut', async () => {
    const image = randomImage({ layers: 1, layerSize: 8_000_000 });
    await setting.client.push('team/large', '1', image);
    const cut = { direction: 'answers', afterBytes: 3_000_000, times: 1 } as const;
    const proxy = await CuttingProxy.start(Number(setting.host.split(':')[1]), cut);
    try {
      const pull = [...images(), 'pull', '--snapshotter', 'native', ...plain];
      await setting.run`${pull} ${proxy.host}/team/large:1`;
      expect(proxy.cuts).toBe(1);
      expect(proxy.answered).toBeLessThan(9_500_000);
    } finally {
      await proxy.stop();
    }
  });
});
