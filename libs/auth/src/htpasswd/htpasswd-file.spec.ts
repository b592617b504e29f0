import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ConfigError } from '#config/config-error.js';
import { RecordingLog } from '#telemetry/testing/recording-log.js';

import type { FirstAccount } from './create-htpasswd-file.js';
import { HtpasswdFile } from './htpasswd-file.js';

const line = (user: string, mark: string) => `${user}:$2b$04$${mark.repeat(22)}${'a'.repeat(31)}\n`;

describe('HtpasswdFile', () => {
  let folder: string;
  let path: string;
  let opened: HtpasswdFile[];
  let log: RecordingLog;
  let shown: FirstAccount[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'htpasswd-'));
    path = join(folder, 'htpasswd');
    opened = [];
    log = new RecordingLog();
    shown = [];
  });
  afterEach(async () => {
    for (const file of opened) file.close();
    await rm(folder, { recursive: true });
  });

  /** Looks only when told to. */
  async function open(interval = 3_600_000): Promise<HtpasswdFile> {
    const file = await HtpasswdFile.open(path, {
      interval,
      settling: 1,
      show: (account) => shown.push(account),
      log,
    });
    opened.push(file);
    return file;
  }

  const warnings = () => log.lines.filter(({ level }) => level === 'warn');

  it('knows the users of the file, and names the lines that let nobody in', async () => {
    await writeFile(path, `${line('anna', 'b')}old:{SHA}x\n`);
    const file = await open();
    expect(file.users.find('anna')).toBeDefined();
    expect(warnings()).toEqual([
      {
        level: 'warn',
        fields: { path, line: 2, user: 'old', reason: 'only bcrypt is accepted, not SHA-1' },
        message: 'htpasswd line lets nobody in',
      },
    ]);
    expect(shown).toEqual([]);
  });

  it('takes in an edit that leaves size and times as they were', async () => {
    await writeFile(path, line('anna', 'b'));
    const file = await open();
    const before = file.users.find('anna')?.toString();
    await writeFile(path, line('anna', 'c'));
    await file.look();
    expect(file.users.find('anna')?.toString()).not.toBe(before);
  });

  it('takes in a file that was renamed over it', async () => {
    await writeFile(path, line('anna', 'b'));
    const file = await open();
    await writeFile(`${path}.new`, line('ben', 'b'));
    await rename(`${path}.new`, path);
    await file.look();
    expect(file.users.find('anna')).toBeUndefined();
    expect(file.users.find('ben')).toBeDefined();
  });

  it('takes in the swap of a link above it, as Kubernetes updates a mounted secret', async () => {
    for (const version of ['1', '2']) {
      await mkdir(join(folder, `..v${version}`));
      await writeFile(join(folder, `..v${version}`, 'htpasswd'), line(`user${version}`, 'b'));
    }
    await symlink('..v1', join(folder, '..data'));
    await symlink('..data/htpasswd', path);
    const file = await open();
    expect(file.users.find('user1')).toBeDefined();
    await symlink('..v2', join(folder, '..data_tmp'));
    await rename(join(folder, '..data_tmp'), join(folder, '..data'));
    await file.look();
    expect(file.users.find('user1')).toBeUndefined();
    expect(file.users.find('user2')).toBeDefined();
  });

  it('looks by itself', async () => {
    await writeFile(path, line('anna', 'b'));
    const file = await open(5);
    await writeFile(path, line('ben', 'b'));
    while (file.users.find('ben') === undefined) await new Promise((done) => setTimeout(done, 5));
    expect(file.users.find('anna')).toBeUndefined();
  });

  it.each([
    ['is not an htpasswd file', () => writeFile(path, 'swordfish\n'), 'line 1 is not'],
    ['is gone', () => rm(path), 'there is no such file'],
    ['is a folder', () => rm(path).then(() => mkdir(path)), 'a folder'],
    ['is too large', () => writeFile(path, Buffer.alloc(16 * 1024 * 1024 + 1)), '16 MiB'],
  ])(
    'keeps the users when the new file %s, says so once, and recovers',
    async (_what, spoil, reason) => {
      await writeFile(path, line('anna', 'b'));
      const file = await open();
      await spoil();
      await file.look();
      await file.look();
      expect(file.users.find('anna')).toBeDefined();
      expect(warnings()).toHaveLength(1);
      expect(file.failures).toBe(1);
      expect(warnings()[0]?.fields).toMatchObject({
        path,
        reason: expect.stringContaining(reason),
      });
      expect(JSON.stringify(log.lines)).not.toContain('swordfish');
      await rm(path, { recursive: true, force: true });
      await writeFile(path, line('ben', 'b'));
      await file.look();
      expect(file.users.find('ben')).toBeDefined();
      expect(file.users.find('anna')).toBeUndefined();
    },
  );

  it('waits until a file that is being rewritten stays as it is', async () => {
    await writeFile(path, line('anna', 'b'));
    const file = await HtpasswdFile.open(path, {
      interval: 3_600_000,
      settling: 50,
      show: () => {},
      log,
    });
    opened.push(file);
    await writeFile(path, '');
    const looking = file.look();
    await writeFile(path, line('anna', 'c'));
    await looking;
    expect(file.users.find('anna')).toBeDefined();
    await file.look();
    expect(file.users.find('anna')?.toString()).toContain('cccc');
  });

  it('makes a missing file with one account, readable for its owner only', async () => {
    path = join(folder, 'not', 'there', 'htpasswd');
    const file = await open();
    expect(shown).toEqual([
      { path, user: 'docker', password: expect.stringMatching(/^[\w-]{43}$/) },
    ]);
    expect(await file.users.find('docker')?.matches(shown[0]?.password ?? '')).toBe(true);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(JSON.stringify(log.lines)).not.toContain(shown[0]?.password);
  });

  it('makes a missing file once, however many try', async () => {
    const files = await Promise.all(Array.from({ length: 8 }, () => open()));
    expect(shown).toHaveLength(1);
    for (const file of files) {
      expect(await file.users.find('docker')?.matches(shown[0]?.password ?? '')).toBe(true);
    }
    expect(await readdir(folder)).toEqual(['htpasswd']);
    expect(await readFile(path, 'utf8')).toMatch(/^docker:\$2b\$10\$.{53}\n$/);
  });

  it('takes an empty file for one that lets nobody in', async () => {
    await writeFile(path, '');
    expect((await open()).users.size).toBe(0);
    expect(shown).toEqual([]);
  });

  it.each([
    ['something else', () => writeFile(path, 'no colon'), 'line 1 is not of the form user:hash'],
    ['a folder', () => mkdir(path), 'it is a folder, not a file'],
    ['a link to nothing', () => symlink('nowhere', path), 'there is no such file'],
  ])('does not start with %s', async (_what, spoil, reason) => {
    await spoil();
    const attempt = open();
    await expect(attempt).rejects.toThrow(ConfigError);
    await expect(attempt).rejects.toThrow(`auth.htpasswd.path: ${path}: ${reason}`);
  });
});
