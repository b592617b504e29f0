import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { GcsAddresses } from './gcs-addresses.js';
import type { GcsCalls } from './gcs-calls.js';

describe('GcsAddresses', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('gives none when nobody answers to the question for a signature', async () => {
    const sdk = { bucket: () => ({ file: () => ({ getSignedUrl: () => new Promise(() => {}) }) }) };
    const calls = { bucket: 'b', account: { sdk } } as unknown as GcsCalls;
    const address = new GcsAddresses(calls).of('a', { method: 'GET' });
    await jest.runAllTimersAsync();
    expect(await address).toBeUndefined();
  });
});
