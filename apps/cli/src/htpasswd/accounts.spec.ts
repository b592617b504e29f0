import { describe, expect, it } from '@jest/globals';

import { Accounts } from './accounts.js';

const text = '# team\nalice:one\n\nbob:two\nalice:three\r\n';

describe('Accounts', () => {
  it('finds the last line of a user, as the registry does', () => {
    expect(Accounts.parse(text).hashOf('alice')).toBe('three');
    expect(Accounts.parse(text).hashOf('ali')).toBeUndefined();
    expect(Accounts.parse('a:b\r\n').hashOf('a')).toBe('b');
    expect(Accounts.parse('a:b:a comment\n').hashOf('a')).toBe('b');
  });

  it('replaces in place, drops later lines of the same user, keeps the rest', () => {
    expect(Accounts.parse(text).with('alice', 'new').toString()).toBe(
      '# team\nalice:new\n\nbob:two\n',
    );
  });

  it('adds at the end, also to a file without a last newline', () => {
    expect(Accounts.parse('bob:two').with('carol', 'new').toString()).toBe('bob:two\ncarol:new\n');
    expect(Accounts.parse('').with('carol', 'new').toString()).toBe('carol:new\n');
  });

  it('removes every line of a user', () => {
    expect(Accounts.parse(text).without('alice').toString()).toBe('# team\n\nbob:two\n');
  });
});
