import { describe, expect, it } from '@jest/globals';

import { longestSignedSize, SizeSignatures } from './signed-size.js';

const signatures = (...secrets: readonly string[]) => new SizeSignatures(() => secrets);

describe('SizeSignatures', () => {
  it('verifies what it signed, for that key', () => {
    for (const size of [0, 12, 2 ** 49]) {
      const value = signatures('a').sign('key', size);
      expect(value.length).toBeLessThan(longestSignedSize);
      expect(signatures('a').verify('key', Buffer.from(value))).toBe(size);
      expect(signatures('a').verify('other', Buffer.from(value))).toBeUndefined();
    }
  });

  it('verifies with every secret and signs with the first', () => {
    const value = Buffer.from(signatures('new', 'old').sign('key', 7));
    expect(signatures('old', 'new').verify('key', value)).toBe(7);
    expect(signatures('new').verify('key', value)).toBe(7);
    expect(signatures('old').verify('key', value)).toBeUndefined();
  });

  const good = signatures('a').sign('key', 100);
  const mac = good.split(' ')[2] ?? '';

  it.each([
    '',
    'junk',
    '{"size":100}',
    '100',
    '1 100',
    `1 100 ${'A'.repeat(22)}`,
    `2 100 ${mac}`,
    `1 101 ${mac}`,
    `1 0100 ${mac}`,
    `1 -100 ${mac}`,
    `1 1e2 ${mac}`,
    `1 100 ${mac}x`,
    `${good} `,
    `${good}\n`,
  ])('does not believe %j', (value) => {
    expect(signatures('a').verify('key', Buffer.from(value))).toBeUndefined();
  });
});
