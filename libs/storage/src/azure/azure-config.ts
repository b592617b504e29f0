import { z } from 'zod';

import { moot } from '#config/key-docs.js';
import { bool, duration, integer, oneOf, secret, text } from '#config/values.js';

const credentials = z.strictObject({
  type: oneOf('client_secret', 'shared_key', 'default_credentials')
    .optional()
    .describe(
      '`shared_key`: `accountkey`. `client_secret`: the three keys below. `default_credentials`: what Azure’s SDK finds: environment, workload identity, managed identity. Where it is not set: what the other keys say.',
    ),
  clientid: text()
    .optional()
    .describe('Application id; of a managed identity with `default_credentials`.'),
  tenantid: text().optional().describe('Tenant of the application.'),
  secret: secret().optional().describe('Secret of the application.'),
});

const containerName = /^(\$root|(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9])$/;

function isWebAddress(text: string): boolean {
  return /^https?:$/.test(URL.parse(text)?.protocol ?? '');
}

/** `storage.azure` */
export const azureConfig = z
  .strictObject({
    accountname: text()
      .optional()
      .describe('Storage account. `connectionstring` may say it instead.'),
    accountkey: secret().optional().describe('One of the keys of the account, in base64.'),
    connectionstring: secret()
      .optional()
      .describe('Account, key or SAS, and addresses in one, as the portal shows it.'),
    container: text().describe('Container, which must exist.'),
    credentials: credentials.optional().describe('How the registry tells the account who it is.'),
    realm: text()
      .default('core.windows.net')
      .describe('Domain of the service; another in the national clouds.'),
    serviceurl: text()
      .optional()
      .describe('Address of the service, where it is not `https://<accountname>.blob.<realm>`.'),
    rootdirectory: text().optional().describe('Prefix of all names in the container.'),
    max_retries: integer({ min: -1 })
      .default(7)
      .describe('Repetitions of a call that failed for a moment; 0 for the default, -1 for none.'),
    retry_delay: duration({ min: 1 })
      .prefault('50ms')
      .describe(
        'Longest pause before the first repetition; each further one may be twice as long.',
      ),
    skipverify: bool().default(false).describe('Takes any certificate of the service.'),
    trimlegacyrootprefix: bool()
      .optional()
      .describe(
        'Distribution 2.x put a slash in front of every name, 3.x does not. `true`: without, `false`: with. Where it is not set: as the names are that are there.',
      ),
    copy_status_poll_max_retry: moot(
      integer().optional().describe('From pre-releases of Distribution 3.'),
      'copies are made by calls that end when the copy is there',
    ),
    copy_status_poll_delay: moot(
      text().optional().describe('From pre-releases of Distribution 3.'),
      'copies are made by calls that end when the copy is there',
    ),
  })
  .superRefine((config, context) => {
    const missing = (path: string[], why: string) =>
      context.addIssue({ code: 'custom', path, message: `is missing: ${why}` });
    if (!containerName.test(config.container)) {
      context.addIssue({
        code: 'custom',
        path: ['container'],
        message: 'expected 3 to 63 small letters, digits and single hyphens, as Azure wants them',
      });
    }
    if (config.serviceurl !== undefined && !isWebAddress(config.serviceurl)) {
      context.addIssue({
        code: 'custom',
        path: ['serviceurl'],
        message: 'expected an address such as https://account.blob.core.windows.net',
      });
    }
    if (config.connectionstring !== undefined) return;
    if (config.accountname === undefined)
      missing(['accountname'], 'the name of the storage account');
    const { type, ...application } = config.credentials ?? {};
    const way = type ?? (config.accountkey === undefined ? undefined : 'shared_key');
    if (way === undefined) {
      missing(
        ['credentials'],
        'set accountkey, or credentials.type to client_secret or default_credentials',
      );
    }
    if (way === 'shared_key' && config.accountkey === undefined) {
      missing(['accountkey'], 'shared_key needs it');
    }
    for (const key of ['clientid', 'tenantid', 'secret'] as const) {
      if (way === 'client_secret' && application[key] === undefined) {
        missing(['credentials', key], 'client_secret needs it');
      }
    }
  });

export type AzureConfig = z.infer<typeof azureConfig>;
