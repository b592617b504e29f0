import { describe, expect, it } from '@jest/globals';

import { configSchema } from '../config.js';
import { banner } from './banner.js';

const shown = (keys: Record<string, unknown>, workers = 1) =>
  banner(configSchema.parse({ version: '0.1', ...keys }), workers).join('\n');

describe('banner', () => {
  it('says where, what, who and how', () => {
    const text = shown({ storage: { filesystem: { rootdirectory: '/srv/images' } } }, 2);
    expect(text).toContain('http://localhost:5000 on all interfaces (:5000) with 2 workers');
    expect(text).toContain('/srv/images (files)');
    expect(text).toContain('docker push localhost:5000/hello-world');
  });

  it.each([
    [':5000', true],
    ['0.0.0.0:5000', true],
    ['[::]:5000', true],
    ['192.0.2.1:5000', true],
    ['127.0.0.1:5000', false],
    ['[::1]:5000', false],
    ['localhost:5000', false],
  ])('warns of an open registry on %p: %p', (addr, warns) => {
    expect(shown({ http: { addr } }).includes('Warning: no authentication')).toBe(warns);
  });

  it('does not warn where passwords are asked', () => {
    const auth = { htpasswd: { realm: 'r', path: '/etc/accounts' } };
    const text = shown({ auth });
    expect(text).not.toContain('Warning');
    expect(text).toContain('accounts in /etc/accounts');
  });

  it.each([
    [{ addr: '[::1]:5000' }, 'http://[::1]:5000'],
    [{ addr: ':443', tls: { certificate: 'a', key: 'b' } }, 'https://localhost:443'],
    [{ host: 'https://registry.example.com/' }, 'https://registry.example.com'],
    [{ net: 'unix', addr: '/run/registry.sock' }, '/run/registry.sock'],
  ])('with %p names %s', (http, url) => {
    expect(shown({ http })).toContain(`serves ${'net' in http ? 'http+unix:' : ''}${url} on`);
  });

  it('says that memory is forgotten', () => {
    expect(shown({ storage: { inmemory: {} } })).toContain('gone when the process ends');
  });
});
