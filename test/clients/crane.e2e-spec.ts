import { writeFile } from 'node:fs/promises';

import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { randomImage, writeLayout } from '../support/random-image.js';
import { tar } from '../support/tar.js';
import { Setting, user } from './setting.js';

jest.setTimeout(60_000);

describeWith(['crane'], 'crane', ({ crane }) => {
  let setting: Setting;
  const index = randomImage({ architectures: ['amd64', 'arm64'] });
  const at = (reference: string) => setting.at(reference);
  const lines = (text: string) => text.trim().split('\n');

  beforeAll(async () => {
    setting = await Setting.start('crane');
    for (const name of ['first', 'second']) {
      const content = Buffer.from(`${name}\n`);
      await writeFile(setting.folder.join(`${name}.tar`), tar([{ name, content }]));
    }
  });
  afterAll(() => setting?.stop());

  it('may not push before it has logged in', async () => {
    const push = [crane, 'append', '-f', 'first.tar', '-t', at('team/app:1')];
    expect((await setting.attempt`${push}`).stderr).toMatch(/UNAUTHORIZED|401 Unauthorized/);
    await setting.run`${crane} auth login -u ${user.username} -p ${user.password} ${setting.host}`;
    await setting.run`${push}`;
  });

  it('adds a layer to an image and reads its file back', async () => {
    await setting.run`${crane} append -b ${at('team/app:1')} -f second.tar -t ${at('team/app:2')}`;
    await setting.run`${crane} validate --remote ${at('team/app:2')}`;
    await setting.run`${crane} export ${at('team/app:2')} whole.tar`;
    expect(lines(await setting.run`tar -tf whole.tar`).toSorted()).toEqual(['first', 'second']);
  });

  it('pushes an index and copies it to another repository', async () => {
    await writeLayout(setting.folder.join('layout'), index, '1');
    await setting.run`${crane} push --index layout ${at('team/layout:1')}`;
    expect(await setting.client.differences('team/layout', index)).toEqual([]);
    await setting.client.push('team/multi', '1', index);
    await setting.run`${crane} copy ${at('team/multi:1')} ${at('other/multi:1')}`;
    expect(await setting.client.differences('other/multi', index)).toEqual([]);
    const arm = await setting.run`${crane} digest --platform linux/arm64 ${at('other/multi:1')}`;
    expect(arm.trim()).toBe(index.manifests[1]?.digest);
  });

  it('tags, lists and finds the repositories', async () => {
    await setting.run`${crane} tag ${at('team/app:2')} latest`;
    expect(lines(await setting.run`${crane} ls ${at('team/app')}`)).toEqual(['1', '2', 'latest']);
    expect(lines(await setting.run`${crane} catalog ${setting.host}`)).toEqual([
      'other/multi',
      'team/app',
      'team/layout',
      'team/multi',
    ]);
  });

  it('deletes by digest, and the tag with it', async () => {
    await setting.run`${crane} delete ${at(`other/multi@${index.root.digest}`)}`;
    expect((await setting.attempt`${crane} digest ${at('other/multi:1')}`).code).not.toBe(0);
    expect((await setting.client.manifest('team/multi', '1')).status).toBe(200);
  });
});
