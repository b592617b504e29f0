import { describe, expect, it } from '@jest/globals';

import { azureConfig } from './azure-config.js';

const account = { accountname: 'account', container: 'registry' };
const complaints = (config: object) => {
  const { error } = azureConfig.safeParse(config);
  return error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`) ?? [];
};

describe('storage.azure', () => {
  it.each([
    [{ ...account, accountkey: 'a2V5' }],
    [{ ...account, accountkey: 'a2V5', credentials: { type: 'shared_key' } }],
    [{ ...account, credentials: { type: 'default_credentials' } }],
    [{ ...account, credentials: { type: 'default_credentials', clientid: 'id' } }],
    [
      {
        ...account,
        credentials: { type: 'client_secret', clientid: 'a', tenantid: 'b', secret: 'c' },
      },
    ],
    [{ container: '$root', connectionstring: 'AccountName=account;AccountKey=a2V5' }],
  ])('takes %j', (config) => {
    expect(complaints(config)).toEqual([]);
  });

  it.each([
    [
      account,
      [
        'credentials is missing: set accountkey, or credentials.type to client_secret or default_credentials',
      ],
    ],
    [
      { container: 'registry', accountkey: 'a2V5' },
      ['accountname is missing: the name of the storage account'],
    ],
    [
      { ...account, credentials: { type: 'shared_key' } },
      ['accountkey is missing: shared_key needs it'],
    ],
    [
      { ...account, credentials: { type: 'client_secret', clientid: 'a' } },
      [
        'credentials.tenantid is missing: client_secret needs it',
        'credentials.secret is missing: client_secret needs it',
      ],
    ],
    [
      { ...account, accountkey: 'a2V5', container: 'Registry' },
      ['container expected 3 to 63 small letters, digits and single hyphens, as Azure wants them'],
    ],
    [
      { ...account, accountkey: 'a2V5', serviceurl: 'account.blob.core.windows.net' },
      ['serviceurl expected an address such as https://account.blob.core.windows.net'],
    ],
  ])('refuses %j', (config, expected) => {
    expect(complaints(config)).toEqual(expected);
  });
});
