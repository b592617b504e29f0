import { describe, expect, it } from '@jest/globals';

import { direct, location, proxied, publicUrl, request } from './testing/proxied-requests.js';

describe('L7: http.trustedproxies', () => {
  const evil = {
    forwarded: 'proto=https;host=evil.example',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-for': '198.51.100.7',
    'x-real-ip': '198.51.100.7',
  };

  it.each<[string | undefined, boolean]>([
    ['127.0.0.1', true],
    ['::1', true],
    ['::ffff:10.1.2.3', true],
    ['10.1.2.3', true],
    ['172.31.0.1', true],
    ['192.168.3.4', true],
    ['100.64.0.1', true],
    ['fd00::17', true],
    [undefined, true],
    ['172.32.0.1', false],
    ['203.0.113.9', false],
    ['2001:db8::1', false],
    ['::ffff:203.0.113.9', false],
  ])('by default a peer at %p is believed: %p', (peer, believed) => {
    const { url, warnings } = publicUrl();
    const origin = believed ? 'https://evil.example' : 'http://example.com';
    for (let time = 0; time < 3; time++) {
      expect(url.location(request(evil, { peer }), '/v2/')).toBe(`${origin}/v2/`);
    }
    expect(url.isSecure(request(evil, { peer }))).toBe(believed);
    expect(warnings).toHaveLength(believed ? 0 : 1);
  });

  it('believes everyone, as Distribution does, when told so', () => {
    const keys = { trustedproxies: ['0.0.0.0/0', '::/0'] };
    expect(location(keys, direct(evil))).toBe('https://evil.example/v2/');
  });

  it('believes nobody when empty', () => {
    expect(location({ trustedproxies: [] }, proxied(evil))).toBe('http://example.com/v2/');
  });
});
