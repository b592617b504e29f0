import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { RecordingLog } from '#telemetry/testing/recording-log.js';

import { TestAuthority } from '../testing/certificates.js';
import { CertificateFolder, remainingLife, wholeLife } from './certificate-folder.js';
import { CertificateOrders } from './certificate-orders.js';

const day = 86_400_000;

describe('CertificateFolder', () => {
  let path: string;
  let folder: CertificateFolder;
  let authority: TestAuthority;
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'acme-'));
    folder = await CertificateFolder.open(path);
    authority = await TestAuthority.create();
  });
  afterEach(() => rm(path, { recursive: true }));

  it('keeps a certificate and its key together, for nobody else to read', async () => {
    expect(await folder.certificate()).toBeUndefined();
    const pair = await authority.issue(['registry.test']);
    await folder.storeCertificate(pair);
    const found = await folder.certificate();
    expect([found?.cert.trim(), found?.key.trim()]).toEqual([pair.cert.trim(), pair.key.trim()]);
    expect((await stat(folder.certificateFile)).mode & 0o077).toBe(0);
    expect((await readdir(path)).toSorted()).toEqual(['certificate.pem', 'challenges']);
  });

  it('makes the key of the account once', async () => {
    expect(await folder.accountKey(async () => 'first')).toBe('first');
    expect(await folder.accountKey(async () => 'second')).toBe('first');
  });

  it('answers for the names that are open', async () => {
    await folder.storeChallenge('Registry.test', await authority.issue(['registry.test']));
    expect(await folder.challenge('registry.TEST')).toBeDefined();
    await folder.removeChallenge('registry.test');
    expect(await folder.challenge('registry.test')).toBeUndefined();
  });

  it.each(['../certificate', '..', '', 'a/b', 'a\0b', '.hidden', 'a..b', 'x'.repeat(300)])(
    'does not look for a file when the handshake names %p',
    async (host) => {
      await folder.storeCertificate(await authority.issue(['registry.test']));
      expect(await folder.challenge(host)).toBeUndefined();
    },
  );

  it('knows how long a certificate lasts, and that it is not for another name', async () => {
    const pair = await authority.issue(['a.test', 'b.test'], 30);
    expect(wholeLife(pair) / day).toBeCloseTo(31, 1);
    expect(remainingLife(pair, ['a.test', 'b.test'], Date.now()) / day).toBeCloseTo(30, 1);
    expect(remainingLife(pair, ['a.test', 'c.test'], Date.now())).toBe(0);
  });

  it('is renewed when a third of its life is left, not before', async () => {
    await folder.storeCertificate(await authority.issue(['a.test'], 30));
    const settings = {
      cachefile: path,
      email: undefined,
      hosts: ['a.test'],
      directoryurl: 'http://127.0.0.1:1/dir',
    };
    const orders = new CertificateOrders(settings, folder, new RecordingLog());
    const others = new CertificateOrders(
      { ...settings, hosts: ['b.test'] },
      folder,
      new RecordingLog(),
    );
    expect(await orders.isDue(Date.now() + 18 * day)).toBe(false);
    expect(await orders.isDue(Date.now() + 21 * day)).toBe(true);
    expect(await others.isDue()).toBe(true);
    await writeFile(folder.certificateFile, '');
    expect(await orders.isDue()).toBe(true);
  });
});
