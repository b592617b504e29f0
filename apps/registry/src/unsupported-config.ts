import { z } from 'zod';

import {
  allDisabled,
  documented,
  ignored,
  lacks,
  notEnabled,
  outdated,
  refused,
} from '#config/key-docs.js';
import {
  bool,
  duration,
  free,
  integer,
  oneOf,
  secret,
  secretHeaders,
  section,
  text,
} from '#config/values.js';

/*
 * Sections of Distribution's file that this version knows and does not act on. A section moves from here to the library
 * that implements it. What would lose content or open the registry when ignored is refused.
 */

const texts = () => z.array(text()).default([]);

const endpoint = z.strictObject({
  name: text().describe('Names the endpoint in logs.'),
  disabled: bool().default(false).describe('Switches the endpoint off.'),
  url: text().describe('Where events are posted.'),
  headers: secretHeaders().default({}).describe('Sent with each event.'),
  timeout: duration().prefault('1s').describe('Time for one post.'),
  threshold: integer().default(10).describe('Failures before it waits.'),
  backoff: duration().prefault('1s').describe('How long it waits.'),
  ignoredmediatypes: texts().describe('Media types without events.'),
  ignore: section({
    mediatypes: texts().describe('Media types without events.'),
    actions: texts().describe('Actions without events.'),
  }),
});

export const notificationsConfig = section({
  events: documented(
    section({
      includereferences: bool().default(false).describe('Lists what a manifest refers to.'),
    }),
    { variable: 'EVENTCONFIG' },
  ),
  endpoints: ignored(
    z.array(endpoint).default([]).describe('Receivers of events.'),
    'no event is sent to any endpoint',
    { harmless: allDisabled },
  ),
});

const redisKeys = {
  addrs: texts().describe('Servers.'),
  clientname: text().optional(),
  db: integer({ min: 0 }).default(0),
  protocol: integer().optional(),
  username: text().optional(),
  password: secret().optional(),
  sentinelusername: text().optional(),
  sentinelpassword: secret().optional(),
  mastername: text().optional().describe('Turns Sentinel on.'),
  tls: section({
    enabled: bool().optional(),
    certificate: text().optional(),
    key: text().optional(),
    rootcas: texts(),
  }),
  ...Object.fromEntries(
    [
      'maxretries',
      'poolsize',
      'minidleconns',
      'maxidleconns',
      'maxactiveconns',
      'maxredirects',
    ].map((name) => [name, integer().optional()]),
  ),
  ...Object.fromEntries(
    [
      'minretrybackoff',
      'maxretrybackoff',
      'dialtimeout',
      'readtimeout',
      'writetimeout',
      'pooltimeout',
      'connmaxidletime',
      'connmaxlifetime',
    ].map((name) => [name, duration().optional()]),
  ),
  ...Object.fromEntries(
    [
      'contexttimeoutenabled',
      'poolfifo',
      'readonly',
      'routebylatency',
      'routerandomly',
      'disableidentity',
      'unstableresp3',
    ].map((name) => [name, bool().optional()]),
  ),
  identitysuffix: text().optional(),
  addr: text().optional().describe('Server, as Distribution 2 named it.'),
  pool: section({
    maxidle: integer().optional(),
    maxactive: integer().optional(),
    idletimeout: duration().optional(),
  }).describe('As Distribution 2 named it.'),
};

export const redisConfig = ignored(
  z.strictObject(redisKeys).optional().describe('A Redis to share what is cached.'),
  'each process keeps what it read in its own memory',
);

export const proxyConfig = refused(
  z
    .strictObject({
      remoteurl: text().optional().describe('Registry to pull through from.'),
      username: text().optional().describe('Account there.'),
      password: secret().optional().describe('Its password.'),
      exec: z
        .strictObject({
          command: text().describe('Helper that prints credentials.'),
          lifetime: duration().optional().describe('How long they are good.'),
        })
        .optional(),
      ttl: duration().prefault('168h').describe('How long content is kept; 0 for ever.'),
      cachewritetimeout: duration().prefault('5m').describe('Time to store one blob.'),
    })
    .optional()
    .describe('Makes the registry a pull-through cache.'),
  'pulling through from another registry is not supported yet, and without it pulls would fail',
  { harmless: lacks('remoteurl') },
);

const middleware = (where: string) =>
  refused(
    z
      .array(
        z.strictObject({
          name: text().describe('Which middleware.'),
          disabled: bool().default(false).describe('Switches it off.'),
          options: free().optional().describe('Its settings.'),
        }),
      )
      .default([])
      .describe(`Middleware of the ${where}.`),
    'middleware is not supported yet, and what it does cannot be left out unseen',
    { harmless: allDisabled },
  );

export const middlewareConfig = section({
  registry: middleware('registry'),
  repository: middleware('repositories'),
  storage: middleware('storage'),
});

export const reportingConfig = ignored(
  z
    .strictObject({
      bugsnag: z
        .strictObject({
          apikey: secret().optional(),
          releasestage: text().optional(),
          endpoint: text().optional(),
        })
        .optional(),
      newrelic: z
        .strictObject({
          licensekey: secret().optional(),
          name: text().optional(),
          verbose: bool().optional(),
        })
        .optional(),
    })
    .optional()
    .describe('Error reporting of Distribution 2.'),
  'nothing is reported to Bugsnag or New Relic; errors are in the log',
);

export const compatibilityConfig = section({
  schema1: ignored(
    z
      .strictObject({
        enabled: bool().default(false).describe('Takes manifests of schema 1.'),
        signingkeyfile: text().optional().describe('Key that signs them.'),
      })
      .optional()
      .describe('Manifests of schema 1, as Distribution 2 took them.'),
    'manifests of schema 1 are refused; push with a Docker newer than 1.9',
    { harmless: notEnabled },
  ),
});

export const oldLoglevel = outdated(
  oneOf('error', 'warn', 'info', 'debug')
    .optional()
    .describe('Older name of `log.level`, which wins.'),
  'write log.level',
);
