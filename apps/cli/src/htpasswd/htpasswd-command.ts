import { Command, InvalidArgumentError } from 'commander';

import { CommandError } from '../failure.js';
import { type HtpasswdFlags, requestOf } from './htpasswd-request.js';

/** What Apache's tool of that name does, with the flags that people use. */
export function htpasswdCommand(): Command {
  const command = new Command('htpasswd')
    .summary('keep the file of accounts')
    .description(
      "Keeps the accounts of `auth.htpasswd`, with the flags of Apache's htpasswd. Hashes are always bcrypt.",
    )
    .usage(
      '[-cbivD] [-C cost] <file> <user> [password]\n       holdfast htpasswd -n [-bi] [-C cost] <user> [password]',
    )
    .argument('[words...]', 'file, user and password')
    .option('-c', 'make the file, or empty it first')
    .option('-n', 'print the line instead of writing it into a file')
    .option('-b', 'take the password from the command line, where others may see it')
    .option('-i', 'take the password from the standard input')
    .option('-v', 'check the password of the user')
    .option('-D', 'remove the user')
    .option('-C <cost>', 'how costly the hash is, from 4 to 17', costOf)
    .option('-B', 'hash with bcrypt, which is done anyway')
    .helpOption('-h, --help', 'show this');
  for (const [flag, algorithm] of [
    ['-m', 'MD5'],
    ['-d', 'crypt'],
    ['-s', 'SHA-1'],
    ['-p', 'plain text'],
    ['-2', 'SHA-256'],
    ['-5', 'SHA-512'],
  ]) {
    command.option(`${flag}`, `refused: ${algorithm} is not accepted by the registry`);
  }
  command.action(
    async (words: readonly string[], flags: HtpasswdFlags & Record<string, unknown>) => {
      for (const flag of ['m', 'd', 's', 'p', '2', '5']) {
        if (flags[flag] !== undefined) {
          throw new CommandError(`-${flag} is refused: the registry takes bcrypt hashes only`, 2);
        }
      }
      const { htpasswd } = await import('./htpasswd.js');
      await htpasswd(requestOf(words, flags));
    },
  );
  return command;
}

function costOf(text: string): number {
  const cost = Number(text);
  if (!/^\d{1,2}$/.test(text) || cost < 4 || cost > 17) {
    throw new InvalidArgumentError('expected a number from 4 to 17');
  }
  return cost;
}
