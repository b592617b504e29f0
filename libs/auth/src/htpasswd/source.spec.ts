import { describe, expect, it } from '@jest/globals';

import { groupsOf, nameOf } from './source.js';

describe('groupsOf', () => {
  it.each([
    [['203.0.113.9'], '203.0.113 / 203.0.113.9'],
    [['2001:db8:1:2:3:4:5:6'], '2001:db8:1 / 2001:db8:1:2 / 2001:db8:1:2:3:4:5:6'],
    [['::1'], '0:0:0 / 0:0:0:0 / ::1'],
    [['@'], '@'],
    [['10.0.0.1', '203.0.113.9'], '10.0.0 / 10.0.0.1 / for / 203.0.113 / 203.0.113.9'],
    [['@', '10.0.0.2', '@'], '@ / for / 10.0.0 / 10.0.0.2 / for / @'],
    [[], ''],
  ])('of %j', (source, groups) => {
    expect(groupsOf(source).join(' / ')).toBe(groups);
  });

  it.each([
    '2001:db8:0:1:0:0:0:7',
    '2001:db8:0:1::7',
    '2001:DB8::1:0:0:0:7',
    '2001:0db8:0000:0001:0000:0000:0000:0007',
    '2001:db8::1:0:0:0.0.0.7',
    '2001:db8:0:1:0:0:1.2.3.4',
    '2001:db8:0:1::%eth0',
  ])('finds the subnet of %s', (address) => {
    expect(groupsOf([address]).slice(0, 2)).toEqual(['2001:db8:0', '2001:db8:0:1']);
  });
});

describe('nameOf', () => {
  it('is one for a subnet of IPv6, and for one address of IPv4', () => {
    expect(nameOf(['2001:db8:0:1::7'])).toBe(nameOf(['2001:db8::1:a:b:c:d']));
    expect(nameOf(['2001:db8:0:1::7'])).not.toBe(nameOf(['2001:db8:0:2::7']));
    expect(nameOf(['203.0.113.9'])).not.toBe(nameOf(['203.0.113.10']));
  });

  it('is not that of a host for whoever claims to speak for it', () => {
    const names = [
      ['203.0.113.9'],
      ['10.0.0.1', '203.0.113.9'],
      ['10.0.0.1', '10.0.0.2', '203.0.113.9'],
    ].map(nameOf);
    expect(new Set(names).size).toBe(3);
  });

  it('is short for the longest chain', () => {
    expect(nameOf(Array<string>(33).fill('2001:db8:1111:2222::7')).length).toBeLessThan(50);
  });
});
