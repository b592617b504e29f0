import { writeFile } from 'node:fs/promises';

import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { randomImage } from '../support/random-image.js';
import { Setting, user } from './setting.js';

jest.setTimeout(60_000);

const policy = {
  version: '1.0',
  trustPolicies: [
    {
      name: 'tests',
      registryScopes: ['*'],
      signatureVerification: { level: 'strict' },
      trustStores: ['ca:test.local'],
      trustedIdentities: ['*'],
    },
  ],
};

describeWith(['notation'], 'notation', ({ notation }) => {
  let setting: Setting;
  const signed = randomImage();
  const unsigned = randomImage();
  const insecure = ['--insecure-registry', '-u', user.username, '-p', user.password];
  const at = (image: typeof signed) => setting.at(`team/app@${image.root.digest}`);

  beforeAll(async () => {
    setting = await Setting.start('notation');
    await setting.client.push('team/app', 'signed', signed);
    await setting.client.push('team/app', 'unsigned', unsigned);
    await setting.run`${notation} cert generate-test --default test.local`;
    await writeFile(setting.folder.join('policy.json'), JSON.stringify(policy));
    await setting.run`${notation} policy import policy.json`;
  });
  afterAll(() => setting?.stop());

  it('signs an image and lists its signature', async () => {
    await setting.run`${notation} sign ${insecure} ${at(signed)}`;
    const listed = await setting.run`${notation} ls ${insecure} ${at(signed)}`;
    expect(listed).toContain('application/vnd.cncf.notary.signature');
  });

  it('verifies what was signed and nothing else', async () => {
    const verified = await setting.run`${notation} verify ${insecure} ${at(signed)}`;
    expect(verified).toContain('Successfully verified');
    const refused = await setting.attempt`${notation} verify ${insecure} ${at(unsigned)}`;
    expect(refused.code).not.toBe(0);
  });

  it('may not read without the password', async () => {
    const { code } = await setting.attempt`${notation} ls --insecure-registry ${at(signed)}`;
    expect(code).not.toBe(0);
  });
});
