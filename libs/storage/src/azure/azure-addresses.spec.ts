import type { ServiceGetUserDelegationKeyOptions } from '@azure/storage-blob';
import { describe, expect, it } from '@jest/globals';

import { defaultRetryLimits, Retries } from '../bucket/retries.js';
import { StorageUnavailable } from '../storage-driver.js';
import type { AzureAccount } from './azure-account.js';
import { AzureAddresses } from './azure-addresses.js';
import { AzureCalls } from './azure-calls.js';
import { judgeAzure } from './azure-errors.js';

describe('AzureAddresses', () => {
  it('asks again for a key that nobody answered with, and then the storage is unavailable', async () => {
    let asked = 0;
    const getUserDelegationKey = async (
      _from: Date,
      _to: Date,
      { abortSignal }: ServiceGetUserDelegationKeyOptions = {},
    ) => {
      asked += 1;
      await new Promise((_resolve, reject) => {
        // As the SDK does, whose error is of a class that it does not export.
        const aborted = Object.assign(new Error('The operation was aborted.'), {
          name: 'AbortError',
        });
        abortSignal?.addEventListener('abort', () => reject(aborted));
      });
    };
    const account = {
      container: {
        containerName: 'c',
        getBlobClient: () => ({ url: 'https://a/c/b' }),
        url: 'https://a/c',
      },
      identity: { kind: 'token' },
      service: { getUserDelegationKey },
    } as unknown as AzureAccount;
    const addresses = new AzureAddresses(account, 20);
    const limits = { ...defaultRetryLimits, attempts: 2, firstPause: 1 };
    const calls = new AzureCalls(account, new Retries(judgeAzure, limits));
    const address = calls.run('Copy Blob', 'b', ({ signal }) => addresses.sourceOf('b', signal));
    await expect(address).rejects.toBeInstanceOf(StorageUnavailable);
    expect(asked).toBe(2);
  });
});
