import { describe, expect, it } from '@jest/globals';

import { httpConfig } from './http-config.js';
import { type IncomingRequest, PublicUrl } from './public-url.js';

type Headers = IncomingRequest['headers'];

describe('L7: the address of the client', () => {
  const url = new PublicUrl(httpConfig.parse({}), { warn: () => undefined });

  it.each<[string, string | undefined, Headers, string]>([
    ['the peer', '203.0.113.9', {}, '203.0.113.9'],
    ['the peer without its IPv6 clothes', '::ffff:203.0.113.9', {}, '203.0.113.9'],
    ['nobody on a unix socket', undefined, {}, '@'],
    ['the hop before our proxy', '10.0.0.1', { 'x-forwarded-for': '198.51.100.7' }, '198.51.100.7'],
    [
      'not what the client made up',
      '10.0.0.1',
      { 'x-forwarded-for': '1.1.1.1, 198.51.100.7, 10.0.0.2' },
      '198.51.100.7',
    ],
    [
      'the left-most of trusted hops',
      '10.0.0.1',
      { 'x-forwarded-for': '10.0.0.3,10.0.0.2' },
      '10.0.0.3',
    ],
    [
      'the hop right of nonsense',
      '10.0.0.1',
      { 'x-forwarded-for': 'unknown, 10.0.0.2' },
      '10.0.0.2',
    ],
    ['an untrusted peer itself', '203.0.113.9', { 'x-forwarded-for': '1.1.1.1' }, '203.0.113.9'],
    ['X-Real-IP', '10.0.0.1', { 'x-real-ip': '198.51.100.7' }, '198.51.100.7'],
    ['the peer beside a bad X-Real-IP', '10.0.0.1', { 'x-real-ip': 'x' }, '10.0.0.1'],
    ['IPv6', 'fd00::1', { 'x-forwarded-for': '2001:db8::7' }, '2001:db8::7'],
  ])('is %s', (_what, peer, headers, expected) => {
    expect(url.clientAddress({ headers, socket: { remoteAddress: peer } })).toBe(expected);
  });

  it.each<[string, string | undefined, Headers, readonly string[]]>([
    ['the peer', '203.0.113.9', {}, ['203.0.113.9']],
    [
      'no more than the peer that is not trusted',
      '203.0.113.9',
      { 'x-forwarded-for': '1.1.1.1' },
      ['203.0.113.9'],
    ],
    [
      'all that trusted proxies tell',
      '10.0.0.1',
      { 'x-forwarded-for': '1.1.1.1, 198.51.100.7, 10.0.0.2' },
      ['10.0.0.1', '10.0.0.2', '198.51.100.7'],
    ],
    ['X-Real-IP', undefined, { 'x-real-ip': '198.51.100.7' }, ['@', '198.51.100.7']],
    [
      '32 hops of a chain without end',
      '10.0.0.1',
      { 'x-forwarded-for': '10.0.0.2,'.repeat(99) + '10.0.0.2' },
      ['10.0.0.1', ...Array<string>(32).fill('10.0.0.2')],
    ],
  ])('is reached over %s', (_what, peer, headers, expected) => {
    expect(url.hops({ headers, socket: { remoteAddress: peer } })).toEqual(expected);
  });
});
