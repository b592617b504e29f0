import { Command, InvalidArgumentError } from 'commander';

import { CommandError } from '../failure.js';

interface Flags {
  readonly c?: true;
  readonly n?: true;
  readonly b?: true;
  readonly i?: true;
  readonly v?: true;
  readonly D?: true;
  readonly C?: number;
}

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
  command.action(async (words: readonly string[], flags: Flags & Record<string, unknown>) => {
    for (const flag of ['m', 'd', 's', 'p', '2', '5']) {
      if (flags[flag] !== undefined) {
        throw new CommandError(`-${flag} is refused: the registry takes bcrypt hashes only`, 2);
      }
    }
    const { htpasswd } = await import('./htpasswd.js');
    await htpasswd(requestOf(words, flags));
  });
  return command;
}

export type HtpasswdRequest = {
  readonly user: string;
  /** Given on the command line. */
  readonly password: string | undefined;
  readonly fromInput: boolean;
  readonly cost: number | undefined;
} & (
  | { readonly action: 'print' }
  | { readonly action: 'set' | 'create' | 'verify' | 'remove'; readonly path: string }
);

function requestOf(words: readonly string[], flags: Flags): HtpasswdRequest {
  const chosen = (['c', 'n', 'v', 'D'] as const).filter((flag) => flags[flag]);
  if (chosen.length > 1) throw new CommandError(`-${chosen.join(' and -')} exclude each other`, 2);
  if (flags.b && flags.i) throw new CommandError('-b and -i exclude each other', 2);
  const names = [
    ...(flags.n ? [] : ['file']),
    'user',
    ...(flags.b && !flags.D ? ['password'] : []),
  ];
  if (words.length !== names.length) {
    throw new CommandError(`expected ${names.map((name) => `<${name}>`).join(' ')}`, 2);
  }
  const path = flags.n ? '' : (words[0] ?? '');
  const [user = '', password] = flags.n ? words : words.slice(1);
  const common = { user: checkedUser(user), password, fromInput: flags.i === true, cost: flags.C };
  if (flags.n) return { action: 'print', ...common };
  return { action: actionOf(flags), path, ...common };
}

function actionOf(flags: Flags) {
  if (flags.c) return 'create';
  if (flags.v) return 'verify';
  return flags.D ? 'remove' : 'set';
}

function checkedUser(user: string): string {
  if (user === '' || Buffer.byteLength(user) > 255) {
    throw new CommandError('a user has from 1 to 255 bytes', 5);
  }
  if (/[:\p{Cc}]/u.test(user) || user.startsWith('#')) {
    throw new CommandError('a user has no colon, no control character, and no # in front', 6);
  }
  return user;
}

function costOf(text: string): number {
  const cost = Number(text);
  if (!/^\d{1,2}$/.test(text) || cost < 4 || cost > 17) {
    throw new InvalidArgumentError('expected a number from 4 to 17');
  }
  return cost;
}
