import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { randomImage } from '../support/random-image.js';
import { Setting, user } from './setting.js';

jest.setTimeout(60_000);

describeWith(['cosign'], 'cosign', ({ cosign }) => {
  let setting: Setting;
  const image = randomImage();
  const reference = () => setting.at(`team/app@${image.root.digest}`);
  const signing = ['--use-signing-config=false', '--tlog-upload=false', '--allow-http-registry'];
  const verify = [cosign, 'verify', '--insecure-ignore-tlog', '--allow-http-registry'];

  beforeAll(async () => {
    setting = await Setting.start('cosign');
    await setting.client.push('team/app', '1', image);
    await setting.run`${cosign} generate-key-pair --output-key-prefix mine`;
    await setting.run`${cosign} generate-key-pair --output-key-prefix foreign`;
  });
  afterAll(() => setting?.stop());

  it('logs in and finds no signature', async () => {
    await setting.run`${cosign} login -u ${user.username} -p ${user.password} ${setting.host}`;
    const { code, stderr } = await setting.attempt`${verify} --key mine.pub ${reference()}`;
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/no (matching )?signatures/);
  });

  it.each([
    ['as a referrer', []],
    ['under the older tag', ['--new-bundle-format=false']],
  ])('signs %s and verifies with that key alone', async (_, format) => {
    await setting.run`${cosign} sign -y --key mine.key ${signing} ${format} ${reference()}`;
    await setting.run`${verify} ${format} --key mine.pub ${reference()}`;
    const foreign = await setting.attempt`${verify} ${format} --key foreign.pub ${reference()}`;
    expect(foreign.code).not.toBe(0);
  });

  it('leaves the older signature under its tag', async () => {
    const signature = `${image.root.digest.replace(':', '-')}.sig`;
    expect(await setting.client.tags('team/app')).toContain(signature);
  });
});
