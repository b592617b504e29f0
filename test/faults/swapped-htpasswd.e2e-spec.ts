import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { startHoldfast, type Holdfast } from '../support/holdfast.js';
import { basic, writeHtpasswd } from '../support/htpasswd.js';
import { TempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

jest.setTimeout(60_000);

/** What the documentation promises, in milliseconds; the test allows for a machine that is busy. */
const promised = 2_000;

describe('S3: an htpasswd file that Kubernetes replaces by the swap of a link', () => {
  let folder: TempDir;
  let registry: Holdfast;

  beforeAll(async () => {
    folder = await TempDir.create('swap');
    await mkdir(folder.join('..1'));
    await writeHtpasswd(folder.join('..1', 'htpasswd'), { anna: 'secret' });
    await symlink('..1', folder.join('..data'));
    await symlink('..data/htpasswd', folder.join('htpasswd'));
    registry = await startHoldfast({
      config: { auth: { htpasswd: { realm: 'r', path: folder.join('htpasswd') } } },
    });
  });
  afterAll(async () => {
    await registry?.stop();
    await folder?.remove();
  });

  async function swapTo(version: string): Promise<void> {
    await symlink(version, folder.join('..data_tmp'));
    await rename(folder.join('..data_tmp'), folder.join('..data'));
  }

  /** By as many connections as reach every worker. */
  async function statuses(user: string, password: string): Promise<string> {
    const headers = { authorization: basic(user, password), connection: 'close' };
    const asked = Array.from({ length: 16 }, () => fetch(`${registry.url}/v2/`, { headers }));
    return [...new Set((await Promise.all(asked)).map(({ status }) => status))].join();
  }

  it('is used by every worker within the stated time', async () => {
    expect(await statuses('anna', 'secret')).toBe('200');
    await mkdir(folder.join('..2'));
    await writeHtpasswd(folder.join('..2', 'htpasswd'), { anna: 'changed', ben: 'other' });
    await swapTo('..2');
    const start = performance.now();
    await until('the new accounts', async () => {
      const [old, changed, added] = [
        await statuses('anna', 'secret'),
        await statuses('anna', 'changed'),
        await statuses('ben', 'other'),
      ];
      return `${old} ${changed} ${added}` === '401 200 200';
    });
    const taken = performance.now() - start;
    process.stderr.write(`S3: htpasswd reloaded in ${(taken / 1_000).toFixed(1)} s\n`);
    expect(taken).toBeLessThan(promised * 4);
  });

  it('keeps the accounts when the new file cannot be used, and says so', async () => {
    await mkdir(folder.join('..3'));
    await writeFile(folder.join('..3', 'htpasswd'), 'swordfish\n');
    await swapTo('..3');
    const line = await registry.process.waitForLine(/changed htpasswd file cannot be used/);
    expect(line).toContain('line 1 is not of the form user:hash');
    expect(registry.output).not.toContain('swordfish');
    expect(await statuses('ben', 'other')).toBe('200');
    await swapTo('..1');
    await until('the first accounts', async () => {
      return `${await statuses('anna', 'secret')} ${await statuses('ben', 'other')}` === '200 401';
    });
  });
});
