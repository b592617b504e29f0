import { describe, expect, it } from '@jest/globals';

import { commandLine } from './command-line.js';

describe('commandLine', () => {
  it('divides the text at spaces, and no value', () => {
    const value = 'two words';
    expect(commandLine`tool  --name=${value} ${value}
      end`).toEqual(['tool', '--name=two words', 'two words', 'end']);
  });

  it('takes a list as many words', () => {
    expect(commandLine`tool ${['-a', '-b']} ${[]} ${3}`).toEqual(['tool', '-a', '-b', '3']);
  });
});
