import { existsSync } from 'node:fs';
import { chmod, readFile, stat, symlink, writeFile } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { runHoldfast } from '../support/holdfast-command.js';
import { tryRun, type RunOptions } from '../support/process.js';
import { TempDir } from '../support/temp-dir.js';

jest.setTimeout(60_000);

let folder: TempDir;
beforeAll(async () => {
  folder = await TempDir.create('htpasswd');
});
afterAll(() => folder.remove());

const holdfast = (args: readonly string[], options: RunOptions = {}) =>
  runHoldfast(args, { cwd: folder.path, ...options });

describeWith(['htpasswd'], "holdfast htpasswd and Apache's", ({ htpasswd }) => {
  const password = 'correct horse ü';

  it('agree on accounts', async () => {
    const path = folder.join('accounts');
    const made = await holdfast(['htpasswd', '-Bbc', path, 'alice', password]);
    expect(made).toEqual({ code: 0, stdout: '', stderr: 'Adding password for user alice\n' });
    await tryRun(htpasswd, ['-Bb', path, 'bob', password]);
    for (const user of ['alice', 'bob']) {
      expect((await tryRun(htpasswd, ['-vb', path, user, password])).code).toBe(0);
      expect((await holdfast(['htpasswd', '-vb', path, user, password])).code).toBe(0);
      expect((await tryRun(htpasswd, ['-vb', path, user, 'wrong'])).code).toBe(3);
      expect((await holdfast(['htpasswd', '-vb', path, user, 'wrong'])).code).toBe(3);
    }
  });
});

describe('holdfast htpasswd', () => {
  it('prints a line, with the cost that was asked for', async () => {
    const { code, stdout } = await holdfast(['htpasswd', '-nbBC', '5', 'alice', 'secret']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^alice:\$2y\$05\$[./A-Za-z0-9]{53}\n$/);
  });

  it('takes the password from its input', async () => {
    const path = folder.join('from-input');
    await writeFile(path, '# team\n');
    expect(
      (await holdfast(['htpasswd', '-i', '-C', '4', path, 'alice'], { input: 'secret\n' })).code,
    ).toBe(0);
    expect((await holdfast(['htpasswd', '-vi', path, 'alice'], { input: 'secret' })).stderr).toBe(
      'Password for user alice correct.\n',
    );
    expect(await readFile(path, 'utf8')).toMatch(/^# team\nalice:\$2y\$04\$\S+\n$/);
  });

  it('updates and removes, and keeps the mode of the file', async () => {
    const path = folder.join('kept');
    await writeFile(path, 'alice:old\nbob:old\n');
    await chmod(path, 0o640);
    expect((await holdfast(['htpasswd', '-bC4', path, 'alice', 'new'])).stderr).toBe(
      'Updating password for user alice\n',
    );
    expect((await holdfast(['htpasswd', '-D', path, 'bob'])).stderr).toBe(
      'Deleting password for user bob\n',
    );
    expect(await readFile(path, 'utf8')).toMatch(/^alice:\$2y\$04\$\S+\n$/);
    expect((await stat(path)).mode & 0o777).toBe(0o640);
  });

  it('replaces what a link leads to, not the link', async () => {
    const path = folder.join('real');
    await writeFile(path, '');
    await symlink(path, folder.join('link'));
    await holdfast(['htpasswd', '-bC4', folder.join('link'), 'alice', 'new']);
    expect(await readFile(path, 'utf8')).toContain('alice:');
    expect((await stat(folder.join('link'))).isFile()).toBe(true);
  });

  it.each([
    [['-b', 'missing/file', 'alice', 'p'], 1, 'there is no file missing/file; -c makes it'],
    [['-nb', 'alice', 'x'.repeat(73)], 5, 'the password has 73 bytes; bcrypt looks at 72 only'],
    [['-nb', 'alice', ''], 2, 'the password is empty'],
    [['-nb', 'a:b', 'p'], 6, 'a user has no colon'],
    [['-nbm', 'alice', 'p'], 2, '-m is refused: the registry takes bcrypt hashes only'],
    [['-nb', 'alice'], 2, 'expected <user> <password>'],
    [['-bcD', 'file', 'alice', 'p'], 2, '-c and -D exclude each other'],
    [['-n', 'alice'], 2, 'there is no terminal to ask for the password; use -i or -b'],
    [['-nbC', '3', 'alice', 'p'], 1, 'expected a number from 4 to 17'],
  ])('refuses %j', async (args, code, reason) => {
    const finished = await holdfast(['htpasswd', ...args], { input: '' });
    expect(finished.code).toBe(code);
    expect(finished.stderr).toContain(reason);
    expect(finished.stdout).toBe('');
  });

  it('leaves nothing behind', () => {
    expect(existsSync(folder.join('file'))).toBe(false);
  });
});
