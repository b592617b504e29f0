import { z } from 'zod';

import { outdated } from '#config/key-docs.js';
import { bool, duration, oneOf, text } from '#config/values.js';

const names = ['redirect', 'rewrite', 'cloudfront'] as const;
type MiddlewareName = (typeof names)[number];

/** Which middleware takes which options; the first ones it cannot do without. */
const optionsOf: Readonly<
  Record<MiddlewareName, { readonly needs: readonly string[]; readonly takes: readonly string[] }>
> = {
  redirect: { needs: ['baseurl'], takes: [] },
  rewrite: { needs: [], takes: ['scheme', 'host', 'trimpathprefix'] },
  cloudfront: {
    needs: ['baseurl', 'privatekey', 'keypairid'],
    takes: [
      'duration',
      'ipfilteredby',
      'awsregion',
      'updatefrequency',
      'updatefrenquency',
      'iprangesurl',
    ],
  },
};

const options = z.strictObject({
  baseurl: text()
    .optional()
    .describe('`redirect`, `cloudfront`: what the path of a blob is put behind.'),
  scheme: text().optional().describe('`rewrite`: scheme instead of that of the storage.'),
  host: text().optional().describe('`rewrite`: host, and port, instead of that of the storage.'),
  trimpathprefix: text().optional().describe('`rewrite`: taken off the beginning of the path.'),
  privatekey: text().optional().describe('`cloudfront`: PEM file of the RSA key that signs.'),
  keypairid: text().optional().describe('`cloudfront`: id of that key.'),
  duration: duration({ min: 1000 })
    .optional()
    .describe('`cloudfront`: how long an address is good; 20m where it is not set.'),
  ipfilteredby: oneOf('none', 'aws', 'awsregion')
    .optional()
    .describe(
      '`cloudfront`: clients that get the address of the bucket itself: none, those in AWS, or those in `awsregion`.',
    ),
  awsregion: text().optional().describe('`cloudfront`: regions of AWS, with commas between them.'),
  updatefrequency: duration({ min: 60_000 })
    .optional()
    .describe('`cloudfront`: time between two looks at `iprangesurl`; 12h where it is not set.'),
  updatefrenquency: outdated(
    duration({ min: 60_000 }).optional().describe('Older name of `updatefrequency`.'),
    'write updatefrequency',
  ),
  iprangesurl: text()
    .optional()
    .describe('`cloudfront`: where the address ranges of AWS are; Amazon’s own page if not set.'),
});

type Options = z.infer<typeof options>;

const entry = z
  .strictObject({
    name: oneOf(...names).describe('Which middleware: `redirect`, `rewrite` or `cloudfront`.'),
    disabled: bool().default(false).describe('Switches it off.'),
    options: options.prefault({}),
  })
  .superRefine((middleware, context) => {
    const refuse = (key: string, message: string) =>
      context.addIssue({ code: 'custom', path: ['options', key], message });
    if (middleware.disabled) return;
    const { needs, takes } = optionsOf[middleware.name];
    for (const key of needs) {
      if (middleware.options[key as keyof Options] === undefined) {
        refuse(key, `is missing: ${middleware.name} cannot do without it`);
      }
    }
    for (const key of Object.keys(middleware.options)) {
      if (!needs.includes(key) && !takes.includes(key)) {
        refuse(key, `is not an option of ${middleware.name}`);
      }
    }
    const { baseurl, ipfilteredby, awsregion } = middleware.options;
    if (baseurl !== undefined && !isBase(baseurl, middleware.name === 'cloudfront')) {
      refuse('baseurl', 'expected a URL with scheme and host, such as https://cdn.example.com');
    }
    if (ipfilteredby === 'awsregion' && awsregion === undefined) {
      refuse('awsregion', 'is missing: ipfilteredby says awsregion');
    }
  });

/** `middleware.storage` */
export const storageMiddlewareConfig = z
  .array(entry)
  .default([])
  .describe('Middleware between the storage and the addresses that blobs are redirected to.');

export type StorageMiddleware = z.infer<typeof entry>;

function isBase(text: string, schemeMayLack: boolean): boolean {
  const url = URL.parse(schemeMayLack && !text.includes('://') ? `https://${text}` : text);
  return url !== null && /^https?:$/.test(url.protocol) && url.host !== '';
}
