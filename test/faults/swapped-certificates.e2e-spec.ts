import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { TestAuthority } from '#registry/http/testing/certificates.js';

import { type Holdfast, startHoldfast } from '../support/holdfast.js';
import { TempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

jest.setTimeout(60_000);

/** What the documentation promises, in milliseconds; the test allows for a machine that is busy. */
const promised = 2000;

describe('S3: certificates that Kubernetes replaces by the swap of a link', () => {
  let folder: TempDir;
  let registry: Holdfast;
  const authorities: TestAuthority[] = [];

  async function addVersion(version: number): Promise<void> {
    const authority = await TestAuthority.create();
    authorities[version] = authority;
    const { cert, key } = await authority.issue(['localhost']);
    await mkdir(folder.join(`..${version}`));
    await writeFile(folder.join(`..${version}`, 'tls.crt'), cert);
    await writeFile(folder.join(`..${version}`, 'tls.key'), key);
  }

  async function swapTo(version: number): Promise<void> {
    await symlink(`..${version}`, folder.join('..data_tmp'));
    await rename(folder.join('..data_tmp'), folder.join('..data'));
  }

  function ask(version: number, agent: Agent | false = false): Promise<string> {
    return new Promise((resolve, reject) => {
      const port = Number(registry.host.split(':')[1]);
      const options = { port, host: 'localhost', path: '/v2/', agent };
      request({ ...options, ca: authorities[version]?.pem }, (answer) => {
        text(answer).then(resolve, reject);
      })
        .on('error', reject)
        .end();
    });
  }

  /** By as many connections as reach every worker. */
  async function allUse(version: number): Promise<boolean> {
    const asked = await Promise.allSettled(Array.from({ length: 8 }, () => ask(version)));
    return asked.every(({ status }) => status === 'fulfilled');
  }

  beforeAll(async () => {
    folder = await TempDir.create('certificates');
    for (const version of [1, 2]) await addVersion(version);
    await symlink('..1', folder.join('..data'));
    for (const file of ['tls.crt', 'tls.key']) {
      await symlink(`..data/${file}`, folder.join(file));
    }
    const tls = { certificate: folder.join('tls.crt'), key: folder.join('tls.key') };
    registry = await startHoldfast({ config: { http: { tls, workers: 2 } } });
  });
  afterAll(async () => {
    await registry?.stop();
    await folder?.remove();
  });

  it('are used by every worker within the stated time, and no open connection is dropped', async () => {
    expect(await allUse(1)).toBe(true);
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: authorities[1]?.pem ?? '' });
    await ask(1, agent);
    const [open] = Object.values(agent.freeSockets).flat();
    await swapTo(2);
    const start = performance.now();
    await until('the new certificate', () => allUse(2));
    const taken = performance.now() - start;
    process.stderr.write(`S3: certificate reloaded in ${(taken / 1000).toFixed(1)} s\n`);
    expect(taken).toBeLessThan(promised * 4);
    await ask(1, agent);
    expect(Object.values(agent.freeSockets).flat()).toEqual([open]);
    agent.destroy();
  });

  it.each([
    ['is nonsense', 'tls.crt', 'swordfish'],
    ['has the key of another certificate', 'tls.key', undefined],
  ])('keep the old one when the new one %s, and say so', async (what, file, content) => {
    const version = 10 + authorities.length;
    await addVersion(version);
    const other = await (await TestAuthority.create()).issue(['localhost']);
    await writeFile(folder.join(`..${version}`, file), content ?? other.key);
    const before = registry.output.split('new certificate cannot be used').length;
    await swapTo(version);
    await until(`the refusal of one that ${what}`, async () => {
      return registry.output.split('new certificate cannot be used').length >= before + 2;
    });
    expect(registry.output).not.toContain('swordfish');
    expect(await allUse(2)).toBe(true);
  });
});
