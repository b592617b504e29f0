import { isIP } from 'node:net';

import { z } from 'zod';

import { documented } from '#config/key-docs.js';

/** `:5000`, `localhost:5000`, `[::1]:5000`, or a path. */
export function listenAddress() {
  return described(
    (text) => /^(?:[^\s:/]*|\[[0-9a-fA-F:.]+\]):\d{1,5}$/.test(text) || text.startsWith('/'),
    'expected host:port or :port, such as :5000, or the path of a socket',
  );
}

/** An address of its own that URLs can be built on. */
export function baseUrl() {
  return described((text) => {
    const url = URL.parse(text);
    return (
      url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.search === ''
    );
  }, 'expected a URL with scheme and host, such as https://registry.example.com');
}

/** With a slash at both ends, whether or not the file has them. */
export function pathPrefix() {
  return documented(
    z
      .string()
      .regex(/^[\w.~/-]+$/, 'expected a path such as /team/registry/')
      .transform((path) => `/${path.split('/').filter(Boolean).join('/')}/`.replace('//', '/')),
    { kind: 'text' },
  );
}

/** `10.0.0.0/8`, `fc00::/7`, or one address. */
export function addressRange() {
  return described((text) => {
    const [address = '', bits] = text.split('/', 2);
    const family = isIP(address);
    if (family === 0 || text.split('/').length > 2) return false;
    return (
      bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
    );
  }, 'expected an address or a range of addresses, such as 10.0.0.0/8');
}

function described(test: (text: string) => boolean, message: string) {
  return documented(z.string().refine(test, message), { kind: 'text' });
}
