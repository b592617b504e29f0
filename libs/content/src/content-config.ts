import { z } from 'zod';

import { outdated, refused } from '#config/key-docs.js';
import { bool, duration, integer, oneOf, pattern, section, text } from '#config/values.js';

/** What is below `storage` and says what may happen to the content. */
export const contentStorageKeys = {
  delete: section({
    enabled: bool().default(false).describe('Allows tags, manifests and blobs to be deleted.'),
  }),
  maintenance: section({
    uploadpurging: section({
      enabled: bool().default(true).describe('Removes uploads that nobody finished.'),
      age: duration({ min: 0 })
        .prefault('168h')
        .describe('How long ago the last byte of such an upload came.'),
      interval: duration({ min: 1000 }).prefault('24h').describe('Time between two rounds.'),
      dryrun: bool().default(false).describe('Only logs what would be removed.'),
    }),
    readonly: section({
      enabled: bool().default(false).describe('Refuses every change; pulls go on.'),
    }),
  }),
};

const urls = section({
  allow: z
    .array(pattern())
    .default([])
    .describe('A foreign layer may name an URL that one of these matches. None set: no URL.'),
  deny: z.array(pattern()).default([]).describe('And that none of these matches.'),
});

const indexes = section({
  platforms: oneOf('all', 'none', 'list')
    .default('all')
    .describe(
      'Children of an index that must be in the repository: all, none, or those of `platformlist`. ' +
        'With `none` the layers of an image need not be there either; its config must.',
    ),
  platformlist: z
    .array(
      z.strictObject({
        architecture: text().describe('As in the index, such as `amd64`.'),
        os: text().describe('As in the index, such as `linux`.'),
      }),
    )
    .default([])
    .describe('Platforms whose images an index must bring, for `platforms: list`.'),
});

export const validationConfig = section({
  disabled: bool().default(false).describe('Checks none of what follows.'),
  enabled: outdated(
    bool().optional().describe('Older form: `true` overrules `disabled`.'),
    'write validation.disabled',
  ),
  manifests: section({ urls, indexes }),
}).transform(({ disabled, enabled, manifests }) => ({
  disabled: disabled && enabled !== true,
  manifests,
}));

export const catalogConfig = section({
  maxentries: integer({ min: 1 })
    .default(1000)
    .describe('Most repositories in one answer of the catalog; `n` above it is cut.'),
});

export const tagsConfig = section({
  maxtags: integer({ min: 1 })
    .default(1000)
    .describe('Most tags in one answer of a tag list; `n` above it is cut.'),
});

export const policyConfig = section({
  repository: section({
    classes: refused(
      z.array(text()).default([]).describe('Classes of content (`image`, `plugin`) to accept.'),
      'pushes cannot be limited to classes yet; remove the key to accept every class',
      { harmless: (value) => Array.isArray(value) && value.length === 0 },
    ),
  }),
});
