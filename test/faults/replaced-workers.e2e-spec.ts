import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { exchange } from '../support/exchange.js';
import { freePort } from '../support/free-port.js';
import { type Holdfast, startHoldfast } from '../support/holdfast.js';
import { randomImage } from '../support/random-image.js';
import { RegistryClient } from '../support/registry-client.js';
import { until } from '../support/until.js';
import { Uploader } from '../support/uploader.js';

jest.setTimeout(120_000);

const name = 'library/app';
const secret = 'canary-first';

describe('a worker that takes the place of one that died', () => {
  let registry: Holdfast;
  let debug: string;

  beforeEach(async () => {
    const addr = `127.0.0.1:${await freePort()}`;
    debug = `http://${addr}`;
    registry = await startHoldfast({ config: { http: { workers: 2, secret, debug: { addr } } } });
    await registry.process.waitForLine(/ serving /);
    await new RegistryClient(registry.url).push(name, 'latest', randomImage());
  });
  afterEach(async () => {
    await registry?.stop();
  });

  async function listening(): Promise<readonly number[]> {
    const body = (await (await fetch(`${debug}/readyz`)).json()) as {
      readonly processes?: readonly { readonly pid: number }[];
    };
    return (body.processes ?? []).map(({ pid }) => pid);
  }

  async function replace(pid: number): Promise<void> {
    process.kill(pid, 'SIGKILL');
    await until('a worker in its place', async () => {
      const now = await listening();
      return now.length === 2 && !now.includes(pid);
    });
  }

  async function rewrite(change: (text: string) => string): Promise<void> {
    await writeFile(registry.configFile, change(await readFile(registry.configFile, 'utf8')));
  }

  async function reload(line: RegExp): Promise<void> {
    registry.process.signal('SIGHUP');
    await registry.process.waitForLine(line);
  }

  /** Each goes to another worker than the one before. */
  async function statuses(path: string): Promise<string> {
    const answers: number[] = [];
    for (let i = 0; i < 8; i++) answers.push((await exchange(registry.url, path)).status);
    return [...new Set(answers)].join();
  }

  const elsewhere = (text: string) => text.replace(/(rootdirectory: .*)/, '$1-other');
  const manifest = `/v2/${name}/manifests/latest`;

  it('has the storage of the others, whatever the file says by now', async () => {
    const [pid = 0] = await listening();
    await rewrite(elsewhere);
    await replace(pid);
    expect(await statuses(manifest)).toBe('200');
  });

  it('comes while the file cannot be used', async () => {
    await rewrite(() => 'version: 0.1\nhttp: {\n');
    await reload(/new configuration cannot be used; the old one stays/);
    for (const pid of await listening()) await replace(pid);
    expect(await statuses(manifest)).toBe('200');
  });

  it('takes from what was read again what the others took, and no more', async () => {
    const uploader = new Uploader(registry.url, name, randomBytes(1000));
    const signedBefore = await uploader.begin();
    expect(await statuses(signedBefore)).toBe('204');
    await rewrite((text) => elsewhere(text).replace(secret, 'canary-second'));
    await reload(/these keys need a restart/);
    await until('the new secret', async () => (await statuses(signedBefore)) === '404');
    await rewrite((text) => text.replace('canary-second', 'canary-third'));
    const [pid = 0] = await listening();
    await replace(pid);
    expect(await statuses(manifest)).toBe('200');
    expect(await statuses(signedBefore)).toBe('404');
    for (let i = 0; i < 4; i++) expect(await statuses(await uploader.begin())).toBe('204');
    expect(registry.output).not.toContain('canary');
  });
});
