import { afterAll, describe, expect, it, jest } from '@jest/globals';

import { type Holdfast, startHoldfast } from '../support/holdfast.js';
import { describeConformance, suiteTimeoutMs, validation } from './conformance-suites.js';

jest.setTimeout(suiteTimeoutMs);

let holdfast: Holdfast | undefined;

describeConformance('OCI conformance', [], async () => {
  holdfast = await startHoldfast({ config: { validation } });
  const { host, url } = holdfast;
  return { host, url, stop: async () => {} };
});

describe('a registry that the suites went through', () => {
  afterAll(async () => {
    if (holdfast?.process.running) await holdfast.stop();
  });

  it('ends in peace', async () => {
    expect(await holdfast?.stop()).toEqual({ code: 0, signal: null });
  });
});
