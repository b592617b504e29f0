import type { ServiceGetUserDelegationKeyOptions } from '@azure/storage-blob';
import { describe, expect, it } from '@jest/globals';

import type { AzureAccount } from './azure-account.js';
import { AzureAddresses } from './azure-addresses.js';

describe('AzureAddresses', () => {
  it('asks again for a key that nobody answered with', async () => {
    let asked = 0;
    const getUserDelegationKey = async (
      _from: Date,
      _to: Date,
      { abortSignal }: ServiceGetUserDelegationKeyOptions = {},
    ) => {
      asked += 1;
      await new Promise((_resolve, reject) => {
        abortSignal?.addEventListener('abort', () => reject(new Error('aborted')));
      });
    };
    const account = {
      container: { containerName: 'c', getBlobClient: () => ({ url: 'https://a/c/b' }) },
      identity: { kind: 'token' },
      service: { getUserDelegationKey },
    } as unknown as AzureAccount;
    const addresses = new AzureAddresses(account, 20);
    for (const _time of [1, 2]) {
      await expect(addresses.readAddress('b', 1000)).rejects.toThrow('aborted');
    }
    expect(asked).toBe(2);
  });
});
