import { readFile } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { startHoldfast, type Holdfast } from '../support/holdfast.js';
import { tryRun } from '../support/process.js';
import { TempDir } from '../support/temp-dir.js';
import { casesThatDidNotPass, ginkgoTotals, mainTotals } from './suite-report.js';

/** Measured; fewer would mean that part of a suite no longer runs. */
const leastPassed = { '1.1': 906, dev: 1032 };
const suiteTimeoutMs = 180_000;

jest.setTimeout(suiteTimeoutMs);

// The main suite pushes manifests with foreign layers, and indexes without all of their children.
const validation = {
  manifests: { urls: { allow: ['^https?://'] }, indexes: { platforms: 'none' } },
};

describeWith(['oci-conformance-v1.1.1', 'oci-conformance-main'], 'OCI conformance', (suites) => {
  let holdfast: Holdfast;
  let folder: TempDir;

  beforeAll(async () => {
    folder = await TempDir.create('conformance');
    holdfast = await startHoldfast({ config: { validation } });
  });

  afterAll(async () => {
    await holdfast?.stop();
    await folder?.remove();
  });

  // The suites read each other's variables, so each gets nothing but its own.
  const runSuite = async (suite: string, env: Readonly<Record<string, string>>) => {
    const { stdout, stderr } = await tryRun(suite, [], {
      cwd: folder.path,
      env: { PATH: '/usr/bin:/bin', HOME: folder.path, ...env },
      timeoutMs: suiteTimeoutMs,
    });
    return stdout + stderr;
  };
  const junit = (results: string) => readFile(`${results}/junit.xml`, 'utf8');

  describe('suite 1.1.1', () => {
    it.each(['0', '1'])(
      'passes in all four categories, manifests deleted before blobs: %s',
      async (manifestsFirst) => {
        const results = folder.join(`ginkgo-${manifestsFirst}`);
        const output = await runSuite(suites['oci-conformance-v1.1.1'], {
          OCI_ROOT_URL: holdfast.url,
          OCI_NAMESPACE: `ginkgo${manifestsFirst}/one`,
          OCI_CROSSMOUNT_NAMESPACE: `ginkgo${manifestsFirst}/two`,
          OCI_TEST_PULL: '1',
          OCI_TEST_PUSH: '1',
          OCI_TEST_CONTENT_DISCOVERY: '1',
          OCI_TEST_CONTENT_MANAGEMENT: '1',
          OCI_AUTOMATIC_CROSSMOUNT: '1',
          OCI_DELETE_MANIFEST_BEFORE_BLOBS: manifestsFirst,
          OCI_REPORT_DIR: results,
        });
        expect(casesThatDidNotPass(await junit(results), /^fail/)).toEqual([]);
        expect(ginkgoTotals(output)).toEqual({ passed: 75, failed: 0, skipped: 4 });
      },
    );
  });

  describe('suite main', () => {
    it.each(['1.1', 'dev'] as const)(
      'passes without a skip for OCI_VERSION=%s',
      async (version) => {
        const results = folder.join(`main-${version}`);
        const output = await runSuite(suites['oci-conformance-main'], {
          OCI_REGISTRY: holdfast.host,
          OCI_TLS: 'disabled',
          OCI_VERSION: version,
          OCI_REPO1: `main-${version}/one`,
          OCI_REPO2: `main-${version}/two`,
          OCI_DATA_SPARSE: 'true',
          OCI_RESULTS_DIR: results,
        });
        const totals = mainTotals(output);
        // What the version leaves out is written down as skipped too, so those are shown only when a real one is among them.
        const wrong = totals.skipped === 0 ? /^(failure|error)$/ : /^(failure|error|skipped)$/;
        expect(casesThatDidNotPass(await junit(results), wrong)).toEqual([]);
        expect(totals).toMatchObject({ failed: 0, skipped: 0 });
        expect(totals.passed).toBeGreaterThanOrEqual(leastPassed[version]);
      },
    );
  });

  it('leaves nothing behind that keeps the registry from ending', async () => {
    expect(await holdfast.stop()).toEqual({ code: 0, signal: null });
  });
});
