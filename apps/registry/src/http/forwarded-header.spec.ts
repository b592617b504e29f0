import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { proxied, publicUrl } from './testing/proxied-requests.js';

describe('H4: hostile forwarding headers', () => {
  const text = fc.oneof(
    fc.string({ maxLength: 200 }),
    fc
      .array(
        fc.constantFrom(
          'host=',
          'proto=',
          'for=',
          '"',
          '\\',
          ';',
          ',',
          ' ',
          'a',
          '[',
          ']',
          ':',
          '1',
        ),
        {
          maxLength: 60,
        },
      )
      .map((parts) => parts.join('')),
  );

  it('never leave the grammar of a URL', () => {
    const { url } = publicUrl({ trustforwarded: { port: true, prefix: true } });
    fc.assert(
      fc.property(text, text, text, text, (forwarded, host, proto, prefix) => {
        for (const headers of [
          { forwarded },
          {
            'x-forwarded-host': host,
            'x-forwarded-proto': proto,
            'x-forwarded-port': host,
            'x-forwarded-prefix': prefix,
          },
          { host },
        ]) {
          expect(url.location(proxied(headers), '/v2/')).toMatch(
            /^(https?:\/\/([\w.~-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?)?(\/[\w.~-]+)*\/v2\/$/,
          );
        }
      }),
    );
  });

  it.each([
    ['quotes', '"'.repeat(64 * 1024)],
    ['escapes', `host="${'\\'.repeat(64 * 1024)}`],
    ['separators', ';'.repeat(64 * 1024)],
    ['tokens', `${'a'.repeat(32 * 1024)}=${'a'.repeat(32 * 1024)}`],
    ['pairs', 'a=b;'.repeat(16 * 1024)],
    ['hops', `${'10.0.0.1,'.repeat(7 * 1024)}10.0.0.1`],
    ['path', `/${'a-a.'.repeat(16 * 1024)}!`],
  ])('of 64 KiB of %s cost under 20 ms', (_what, value) => {
    const { url } = publicUrl({ trustforwarded: { port: true, prefix: true } });
    const started = process.cpuUsage();
    for (const name of ['forwarded', 'x-forwarded-host', 'x-forwarded-prefix', 'x-forwarded-for']) {
      url.location(proxied({ [name]: value }), '/v2/');
      url.clientAddress(proxied({ [name]: value }));
    }
    expect(process.cpuUsage(started).user / 1000).toBeLessThan(20);
  });
});
