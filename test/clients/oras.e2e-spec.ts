import { readFile, writeFile } from 'node:fs/promises';

import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { randomImage } from '../support/random-image.js';
import { Setting, user } from './setting.js';

jest.setTimeout(60_000);

describeWith(['oras'], 'oras', ({ oras }) => {
  let setting: Setting;
  const at = (reference: string) => setting.at(reference);
  const lines = (text: string) => text.trim().split('\n');

  beforeAll(async () => {
    setting = await Setting.start('oras');
    await writeFile(setting.folder.join('report.txt'), 'nothing found\n');
    await writeFile(setting.folder.join('sbom.json'), '{"packages":[]}\n');
  });
  afterAll(() => setting?.stop());

  it('is refused with a wrong password and let in with the right one', async () => {
    const login = (password: string) =>
      setting.feed(
        password,
      )`${oras} login --plain-http -u ${user.username} --password-stdin ${setting.host}`;
    expect((await login('wrong')).code).not.toBe(0);
    expect((await login(user.password)).code).toBe(0);
  });

  it('pushes files and pulls them', async () => {
    const push = [oras, 'push', '--plain-http', '--artifact-type', 'application/x.report'];
    await setting.run`${push} ${at('team/report:1')} report.txt sbom.json`;
    await setting.run`${oras} pull --plain-http -o pulled ${at('team/report:1')}`;
    expect(await readFile(setting.folder.join('pulled', 'sbom.json'), 'utf8')).toBe(
      '{"packages":[]}\n',
    );
  });

  it('attaches to a manifest and discovers what is attached, by type', async () => {
    const attach = [oras, 'attach', '--plain-http', at('team/report:1')];
    await setting.run`${attach} --artifact-type application/x.sbom sbom.json`;
    await setting.run`${attach} --artifact-type application/x.note report.txt`;
    const discover = [oras, 'discover', '--plain-http', '--format', 'json', at('team/report:1')];
    expect(JSON.parse(await setting.run`${discover}`)).toMatchObject({
      referrers: [{}, {}],
    });
    const found: unknown = JSON.parse(
      await setting.run`${discover} --artifact-type application/x.sbom`,
    );
    expect(found).toMatchObject({ referrers: [{ artifactType: 'application/x.sbom' }] });
  });

  it('copies an index with all that refers to it', async () => {
    const index = randomImage({ architectures: ['amd64', 'arm64'] });
    await setting.client.push('team/multi', '1', index);
    const attach = [oras, 'attach', '--plain-http', at('team/multi:1')];
    await setting.run`${attach} --artifact-type application/x.sbom sbom.json`;
    const copy = [oras, 'cp', '-r', '--from-plain-http', '--to-plain-http'];
    await setting.run`${copy} ${at('team/multi:1')} ${at('other/multi:1')}`;
    expect(await setting.client.differences('other/multi', index)).toEqual([]);
    const tree = await setting.run`${oras} discover --plain-http ${at('other/multi:1')}`;
    expect(tree).toContain('application/x.sbom');
  });

  it('lists repositories and tags', async () => {
    await setting.run`${oras} tag --plain-http ${at('team/report:1')} latest`;
    const repositories = await setting.run`${oras} repo ls --plain-http ${setting.host}`;
    expect(lines(repositories)).toEqual(['other/multi', 'team/multi', 'team/report']);
    const tags = await setting.run`${oras} repo tags --plain-http ${at('team/report')}`;
    expect(lines(tags)).toEqual(expect.arrayContaining(['1', 'latest']));
  });

  it('deletes a manifest and a blob', async () => {
    const push = [oras, 'blob', 'push', '--plain-http', at('team/blobs')];
    await setting.run`${push} report.txt`;
    const digest = `sha256:${(await setting.run`sha256sum report.txt`).slice(0, 64)}`;
    expect((await setting.client.blob('team/blobs', digest)).status).toBe(200);
    await setting.run`${oras} blob delete -f --plain-http ${at(`team/blobs@${digest}`)}`;
    expect((await setting.client.blob('team/blobs', digest)).status).toBe(404);
    await setting.run`${oras} manifest delete -f --plain-http ${at('team/report:1')}`;
    expect((await setting.client.manifest('team/report', 'latest')).status).toBe(404);
  });
});
