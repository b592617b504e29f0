import { describe, expect, it } from '@jest/globals';

import { addressText, parseAddress } from './redis-address.js';

describe('parseAddress', () => {
  it.each([
    ['redis:6380', { host: 'redis', port: 6380 }, 'redis:6380'],
    ['redis.example.org', { host: 'redis.example.org', port: 6379 }, 'redis.example.org:6379'],
    [':6379', { host: 'localhost', port: 6379 }, 'localhost:6379'],
    ['[::1]:7000', { host: '::1', port: 7000 }, '[::1]:7000'],
    ['/run/redis.sock', { path: '/run/redis.sock' }, '/run/redis.sock'],
  ])('reads %s', (text, address, shown) => {
    expect(parseAddress(text, 6379)).toEqual(address);
    expect(addressText(address)).toBe(shown);
  });

  it.each([
    '',
    ':',
    'redis:',
    'redis:0',
    'redis:65536',
    'redis:x',
    '::1',
    'redis://a:1',
    'u:p@a:1',
  ])('refuses %j', (text) => {
    expect(parseAddress(text, 6379)).toBeUndefined();
  });
});
