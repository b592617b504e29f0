import { mkdir, readFile, writeFile } from 'node:fs/promises';

import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { Setting, user } from './setting.js';

jest.setTimeout(60_000);

const template = `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data:
  version: {{ .Chart.Version }}
`;

describeWith(['helm'], 'helm', ({ helm }) => {
  let setting: Setting;

  beforeAll(async () => {
    setting = await Setting.start('helm');
    await mkdir(setting.folder.join('app', 'templates'), { recursive: true });
    await writeFile(setting.folder.join('app', 'templates', 'config.yaml'), template);
  });
  afterAll(() => setting?.stop());

  it('is refused with a wrong password and let in with the right one', async () => {
    const login = (password: string) =>
      setting.feed(
        password,
      )`${helm} registry login --plain-http -u ${user.username} --password-stdin ${setting.host}`;
    expect((await login('wrong')).code).not.toBe(0);
    expect((await login(user.password)).code).toBe(0);
  });

  it('packages charts and pushes them', async () => {
    for (const version of ['1.0.0', '1.1.0+build.5']) {
      const chart = `apiVersion: v2\nname: app\nversion: ${version}\n`;
      await writeFile(setting.folder.join('app', 'Chart.yaml'), chart);
      await setting.run`${helm} package app`;
      await setting.run`${helm} push app-${version}.tgz oci://${setting.at('charts')} --plain-http`;
    }
    // A plus cannot stand in a tag.
    expect(await setting.client.tags('charts/app')).toEqual(['1.0.0', '1.1.0_build.5']);
  });

  it('pulls the very chart that was pushed', async () => {
    await mkdir(setting.folder.join('pulled'));
    await setting.run`${helm} pull oci://${setting.at('charts/app')} --version 1.0.0 --plain-http -d pulled`;
    const [pushed, pulled] = await Promise.all(
      ['app-1.0.0.tgz', 'pulled/app-1.0.0.tgz'].map((name) => readFile(setting.folder.join(name))),
    );
    expect(pulled).toEqual(pushed);
  });

  it('renders the newest chart from the registry', async () => {
    const rendered =
      await setting.run`${helm} template mine oci://${setting.at('charts/app')} --plain-http`;
    expect(rendered).toContain('name: mine');
    expect(rendered).toContain('version: 1.1.0+build.5');
  });
});
