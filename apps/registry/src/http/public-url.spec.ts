import { describe, expect, it } from '@jest/globals';

import { direct, type Headers, location, proxied, request } from './testing/proxied-requests.js';

describe('L7 H4: a Location behind proxies', () => {
  it.each<[string, Headers, string]>([
    ['no forwarding header', {}, 'http://example.com'],
    ['a scheme', { 'x-forwarded-proto': 'https' }, 'https://example.com'],
    ['a scheme in capitals', { 'x-forwarded-proto': 'HTTPS' }, 'https://example.com'],
    ['a list of schemes', { 'x-forwarded-proto': 'https,http' }, 'https://example.com'],
    [
      'a list of hosts',
      { 'x-forwarded-host': 'first.example.com, proxy1.example.com' },
      'http://first.example.com',
    ],
    [
      'a host with its port, and the port again',
      { 'x-forwarded-host': 'example.com:5000', 'x-forwarded-port': '5000' },
      'http://example.com:5000',
    ],
    ['a list of ports alone', { 'x-forwarded-port': '443 , 5001' }, 'http://example.com'],
    [
      'scheme, host and port',
      {
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'example.com',
        'x-forwarded-port': '443',
      },
      'https://example.com',
    ],
    [
      'an explicit port in Host',
      { host: 'example.com:443', 'x-forwarded-proto': 'https' },
      'https://example.com:443',
    ],
    [
      'spaces around the host',
      { 'x-forwarded-host': ' first.example.com:12345 ' },
      'http://first.example.com:12345',
    ],
    [
      'Forwarded with a quoted host',
      { forwarded: 'proto=https;host="192.168.22.30:80"' },
      'https://192.168.22.30:80',
    ],
    [
      'two Forwarded lines, as Node joins them',
      { forwarded: 'host=first.example.com; proto=https, host=second.example.com; proto=http' },
      'https://first.example.com',
    ],
    [
      'a Forwarded list',
      { forwarded: 'host="first.example.com:8080",host=proxy' },
      'http://first.example.com:8080',
    ],
    [
      'an IPv6 address',
      { forwarded: 'host="[2607:f0d0:1002:51::4]:5001"' },
      'http://[2607:f0d0:1002:51::4]:5001',
    ],
    [
      'Forwarded beside X-Forwarded-…',
      {
        forwarded: 'proto=https;host=forwarded.example.com',
        'x-forwarded-proto': 'http',
        'x-forwarded-host': 'other.example.com',
      },
      'https://forwarded.example.com',
    ],
    [
      'Forwarded without scheme and host',
      { forwarded: 'for=127.0.0.1', 'x-forwarded-proto': 'https' },
      'http://example.com',
    ],
    [
      'Forwarded without host',
      { forwarded: 'proto=https', 'x-forwarded-host': 'other.example.com' },
      'https://example.com',
    ],
    [
      'a Forwarded that does not parse',
      { forwarded: 'proto=https;;;host=', 'x-forwarded-proto': 'https' },
      'http://example.com',
    ],
    ['a parameter given twice', { forwarded: 'proto=https;proto=http' }, 'http://example.com'],
    [
      'a quoted parameter given twice',
      { forwarded: 'host="a.example";host="b.example"' },
      'http://example.com',
    ],
    [
      'parameters inside quotes',
      { forwarded: 'for="x;host=evil.example;proto=https";proto=http' },
      'http://example.com',
    ],
    ['names in capitals', { forwarded: 'PROTO=https;Host=a.example' }, 'https://a.example'],
    ['another scheme', { 'x-forwarded-proto': 'javascript' }, 'http://example.com'],
    ['another scheme in Forwarded', { forwarded: 'proto=javascript' }, 'http://example.com'],
    [
      'a host that leaves the authority',
      { 'x-forwarded-host': 'evil.example/path?' },
      'http://example.com',
    ],
    [
      'a host with user information',
      { 'x-forwarded-host': 'user@evil.example' },
      'http://example.com',
    ],
    ['a quoted host with a line break', { forwarded: 'host="a\\\r\\\nb"' }, 'http://example.com'],
    ['a port beyond the last', { 'x-forwarded-host': 'a.example:65536' }, 'http://example.com'],
  ])('%s', (_what, headers, origin) => {
    expect(location({}, proxied(headers))).toBe(`${origin}/v2/`);
  });

  it('says https when the client speaks TLS to us', () => {
    expect(location({}, request({}, { peer: '203.0.113.9', encrypted: true }))).toBe(
      'https://example.com/v2/',
    );
  });

  it('takes the authority of HTTP/2', () => {
    const incoming = request({ ':authority': 'h2.example:5000' }, {});
    delete incoming.headers.host;
    expect(location({}, incoming)).toBe('http://h2.example:5000/v2/');
  });

  it.each(['a"b', 'evil.example/x', 'a b', '', '[::1', '[]:80', 'a:b', 'a:'])(
    'is a path when the host is %p',
    (host) => {
      expect(location({}, direct({ host }))).toBe('/v2/');
    },
  );

  it('carries http.prefix', () => {
    expect(location({ prefix: '/prefix/' }, direct({}))).toBe('http://example.com/prefix/v2/');
    expect(location({ prefix: '/prefix', relativeurls: true }, direct({}))).toBe('/prefix/v2/');
  });

  it('is a path with http.relativeurls, whatever the headers say', () => {
    const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'a.example' };
    expect(location({ relativeurls: true }, proxied(headers))).toBe('/v2/');
  });

  it.each([
    ['https://registry.example.com', 'https://registry.example.com/v2/'],
    ['https://registry.example.com/', 'https://registry.example.com/v2/'],
    ['https://registry.example.com:8443/team/', 'https://registry.example.com:8443/team/v2/'],
    ['https://registry.example.com/team', 'https://registry.example.com/team/v2/'],
  ])('begins with http.host %p, whatever else is set', (host, expected) => {
    const headers = { 'x-forwarded-proto': 'http', 'x-forwarded-host': 'a.example' };
    expect(location({ host, relativeurls: true }, proxied(headers))).toBe(expected);
  });

  it('adds http.prefix to an http.host without a path', () => {
    const keys = { host: 'https://registry.example.com', prefix: '/team/' };
    expect(location(keys, direct({}))).toBe('https://registry.example.com/team/v2/');
  });

  it('believes port and prefix behind their switches', () => {
    const headers = {
      'x-forwarded-proto': 'https',
      'x-forwarded-port': '8443',
      'x-forwarded-prefix': '/team/',
    };
    const trustforwarded = { port: true, prefix: true };
    expect(location({}, proxied(headers))).toBe('https://example.com/v2/');
    expect(location({ trustforwarded }, proxied(headers))).toBe(
      'https://example.com:8443/team/v2/',
    );
    expect(location({ trustforwarded }, proxied({ ...headers, 'x-forwarded-port': '443' }))).toBe(
      'https://example.com/team/v2/',
    );
    for (const prefix of ['//evil.example', '/a/../b', '/a?b', 'team', `/${'a/'.repeat(200)}`]) {
      expect(location({ trustforwarded }, proxied({ 'x-forwarded-prefix': prefix }))).toBe(
        'http://example.com/v2/',
      );
    }
  });
});
