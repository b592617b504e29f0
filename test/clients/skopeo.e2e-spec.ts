import { readFile } from 'node:fs/promises';

import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { randomImage, writeLayout } from '../support/random-image.js';
import { Setting, user } from './setting.js';

jest.setTimeout(60_000);

describeWith(['skopeo'], 'skopeo', ({ skopeo }) => {
  let setting: Setting;
  const copy = [skopeo, 'copy', '--src-tls-verify=false', '--dest-tls-verify=false'];
  const at = (reference: string) => `docker://${setting.at(reference)}`;

  beforeAll(async () => {
    setting = await Setting.start('skopeo');
  });
  afterAll(() => setting?.stop());

  it('is refused with a wrong password and let in with the right one', async () => {
    const login = (password: string) =>
      setting.attempt`${skopeo} login --tls-verify=false -u ${user.username} -p ${password} ${setting.host}`;
    expect((await login('wrong')).stderr).toContain('invalid username/password');
    expect((await login(user.password)).code).toBe(0);
  });

  it('pushes an image and pulls the same bytes', async () => {
    const image = randomImage({ layers: 3 });
    await writeLayout(setting.folder.join('image'), image, '1');
    await setting.run`${copy} oci:image:1 ${at('team/app:1')}`;
    expect(await setting.client.differences('team/app', image)).toEqual([]);
    await setting.run`${copy} ${at('team/app:1')} oci:back:1`;
    for (const [digest, content] of image.blobs) {
      const path = setting.folder.join('back', 'blobs', digest.replace(':', '/'));
      expect(content.equals(await readFile(path))).toBe(true);
    }
  });

  it('copies an index with all its images to another repository', async () => {
    const image = randomImage({ architectures: ['amd64', 'arm64', 's390x'] });
    await setting.client.push('team/multi', '1', image);
    await setting.run`${copy} --all ${at('team/multi:1')} ${at('other/multi:1')}`;
    expect(await setting.client.differences('other/multi', image)).toEqual([]);
  });

  it('pushes Docker schema 2 and lists the tags', async () => {
    await setting.run`${copy} --format v2s2 ${at('team/app:1')} ${at('team/app:docker')}`;
    const { headers } = await setting.client.manifest('team/app', 'docker');
    expect(headers.get('content-type')).toContain('docker.distribution.manifest.v2+json');
    const listed = await setting.run`${skopeo} list-tags --tls-verify=false ${at('team/app')}`;
    expect(JSON.parse(listed)).toMatchObject({ Tags: ['1', 'docker'] });
  });

  it('deletes what it pushed', async () => {
    await setting.run`${skopeo} delete --tls-verify=false ${at('team/app:1')}`;
    expect((await setting.client.manifest('team/app', '1')).status).toBe(404);
    expect(await setting.client.tags('team/app')).toEqual(['docker']);
  });
});
