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
import { storageMiddlewareConfig } from '#storage/addresses/address-config.js';

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
  storage: storageMiddlewareConfig,
});

export const reportingConfig = ignored(
  z
    .strictObject({
      bugsnag: z
        .strictObject({
          apikey: secret().optional().describe('Key of the project.'),
          releasestage: text().optional().describe('Stage to report.'),
          endpoint: text().optional().describe('Where to report to.'),
        })
        .optional(),
      newrelic: z
        .strictObject({
          licensekey: secret().optional().describe('Key of the account.'),
          name: text().optional().describe('Name of the application.'),
          verbose: bool().optional().describe('Logs what it reports.'),
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
