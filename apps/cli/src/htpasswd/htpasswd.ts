import { readFile } from 'node:fs/promises';

import { BcryptHash, maximumPasswordBytes } from '#auth/htpasswd/bcrypt-hash.js';

import { CommandError } from '../failure.js';
import { Accounts } from './accounts.js';
import { askPassword, readPassword } from './ask-password.js';
import type { HtpasswdRequest } from './htpasswd-request.js';
import { replaceFile } from './replace-file.js';

/** The exit codes are those of Apache's tool. */
export async function htpasswd(request: HtpasswdRequest): Promise<void> {
  const { user } = request;
  switch (request.action) {
    case 'print':
      process.stdout.write(`${user}:${await newHash(request)}\n`);
      return;
    case 'create':
      await replaceFile(request.path, `${user}:${await newHash(request)}\n`);
      return say(`Adding password for user ${user}`);
    case 'set': {
      const accounts = await read(request.path);
      const known = accounts.hashOf(user) !== undefined;
      await replaceFile(request.path, accounts.with(user, await newHash(request)).toString());
      return say(`${known ? 'Updating' : 'Adding'} password for user ${user}`);
    }
    case 'remove': {
      const accounts = await read(request.path);
      if (accounts.hashOf(user) === undefined) return say(`User ${user} not found`);
      await replaceFile(request.path, accounts.without(user).toString());
      return say(`Deleting password for user ${user}`);
    }
    case 'verify':
      await verify(await read(request.path), request);
      return say(`Password for user ${user} correct.`);
  }
}

async function verify(accounts: Accounts, request: HtpasswdRequest): Promise<void> {
  const text = accounts.hashOf(request.user);
  if (text === undefined) throw new CommandError(`User ${request.user} not found`, 6);
  const hash = BcryptHash.parse(text);
  if (typeof hash === 'string') throw new CommandError(`the registry does not take it: ${hash}`, 7);
  if (!(await hash.matches(await passwordOf(request)))) {
    throw new CommandError('password verification failed', 3);
  }
}

async function newHash(request: HtpasswdRequest): Promise<string> {
  const password = await passwordOf(request);
  if (request.password === undefined && !request.fromInput) {
    const again = await askPassword('Re-type new password: ');
    if (again !== password) throw new CommandError('password verification error', 3);
  }
  const hash = await BcryptHash.of(password, request.cost);
  // The same thing under the name that every version of Apache and nginx knows.
  return hash.replace(/^\$2b\$/, '$2y$');
}

async function passwordOf(request: HtpasswdRequest): Promise<string> {
  const password = request.password ?? (await given(request));
  if (password === '') throw new CommandError('the password is empty', 2);
  if (password.includes('\0')) throw new CommandError('a password has no NUL character', 2);
  const bytes = Buffer.byteLength(password);
  if (bytes > maximumPasswordBytes) {
    throw new CommandError(
      `the password has ${bytes} bytes; bcrypt looks at ${maximumPasswordBytes} only`,
      5,
    );
  }
  return password;
}

function given({ fromInput, action }: HtpasswdRequest): Promise<string> {
  if (fromInput) return readPassword();
  return askPassword(action === 'verify' ? 'Enter password: ' : 'New password: ');
}

async function read(path: string): Promise<Accounts> {
  try {
    return Accounts.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new CommandError(`there is no file ${path}; -c makes it`, 1);
    }
    throw error;
  }
}

function say(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}
