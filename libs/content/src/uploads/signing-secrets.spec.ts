import { beforeEach, describe, expect, it } from '@jest/globals';

import { MemoryDriver } from '#storage/memory/memory-driver.js';
import { PathNotFound } from '#storage/storage-driver.js';

import { secretPath } from '../paths.js';
import { keptSecret, SigningSecrets } from './signing-secrets.js';

const settled = 2 * 60 * 1000;

describe('SigningSecrets', () => {
  let now: number;
  let driver: MemoryDriver;
  beforeEach(() => {
    now = 0;
    driver = new MemoryDriver();
  });

  const load = (...secrets: readonly string[]) => SigningSecrets.load(driver, secrets, () => now);
  const keyOf = async (secret: string) => (await load(secret)).first;

  it('signs with the first and accepts all, each once', async () => {
    const secrets = await load('new', 'old', 'new');
    expect(secrets.first).toBe(await keyOf('new'));
    expect(secrets.all).toEqual([await keyOf('new'), await keyOf('old')]);
  });

  it('makes one and keeps it where none is configured', async () => {
    const [one, other] = await Promise.all([load(), load()]);
    expect(one.all).toEqual(other.all);
    expect(one.all).not.toEqual((await SigningSecrets.load(new MemoryDriver(), [])).all);
  });

  it.each([
    ['short', 'x'.repeat(31)],
    ['large', 'x'.repeat(1025)],
  ])('does not sign with a kept one that is too %s', async (_what, text) => {
    await driver.put([{ path: secretPath, content: Buffer.from(text) }]);
    await expect(load()).rejects.toThrow('configure http.secret');
  });

  it('writes none where nothing may be written, and takes the one that is there', async () => {
    const readonly = { readonly: true };
    const own = [await keptSecret(driver, readonly), await keptSecret(driver, readonly)];
    expect(new Set(own).size).toBe(2);
    await expect(driver.stat(secretPath)).rejects.toThrow(PathNotFound);
    const kept = await keptSecret(driver);
    expect(await keptSecret(driver, readonly)).toBe(kept);
  });

  describe('replaced', () => {
    it('goes on signing with the old one, if that is still listed, until others have the new one too', async () => {
      const secrets = await load('old');
      secrets.replace(['new', 'old']);
      expect(secrets.all).toEqual([await keyOf('new'), await keyOf('old')]);
      now = settled - 1;
      expect(secrets.first).toBe(await keyOf('old'));
      now = settled;
      expect(secrets.first).toBe(await keyOf('new'));
    });

    it('signs with the new one at once, and accepts no other, where the old one is gone', async () => {
      const secrets = await load('old', 'older');
      secrets.replace(['new', 'older']);
      expect(secrets.first).toBe(await keyOf('new'));
      expect(secrets.all).not.toContain(await keyOf('old'));
    });

    it('forgets one that still signed for the time being as soon as it is removed', async () => {
      const secrets = await load('old');
      secrets.replace(['new', 'old']);
      secrets.replace(['new']);
      expect([secrets.first, ...secrets.all]).toEqual([await keyOf('new'), await keyOf('new')]);
    });

    it('waits anew for each first', async () => {
      const secrets = await load('1');
      secrets.replace(['2', '1']);
      now = settled - 1;
      secrets.replace(['3', '2', '1']);
      now = settled;
      expect(secrets.first).toBe(await keyOf('1'));
      now = 2 * settled;
      expect(secrets.first).toBe(await keyOf('3'));
    });

    it('is not left without any', async () => {
      const secrets = await load('old');
      expect(() => secrets.replace([])).toThrow('no secret');
      expect(secrets.first).toBe(await keyOf('old'));
    });
  });
});
