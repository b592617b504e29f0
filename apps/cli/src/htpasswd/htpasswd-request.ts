import { CommandError } from '../failure.js';

export interface HtpasswdFlags {
  readonly c?: true;
  readonly n?: true;
  readonly b?: true;
  readonly i?: true;
  readonly v?: true;
  readonly D?: true;
  readonly C?: number;
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

export function requestOf(words: readonly string[], flags: HtpasswdFlags): HtpasswdRequest {
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

function actionOf(flags: HtpasswdFlags) {
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
