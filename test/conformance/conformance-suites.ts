import { readFile } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { describeWith } from '../components/components.js';
import { tryRun } from '../support/process.js';
import { TempDir } from '../support/temp-dir.js';
import { casesThatDidNotPass, ginkgoTotals, mainTotals } from './suite-report.js';

/** A registry, however many processes it is, that sparse content may be pushed to. */
export interface RegistryUnderTest {
  /** `ADDRESS:PORT` */
  readonly host: string;
  readonly url: string;
  stop(): Promise<unknown>;
}

/** Measured; fewer would mean that part of a suite no longer runs. */
const leastPassed = { '1.1': 906, dev: 1032 };
export const suiteTimeoutMs = 180_000;

/** The main suite pushes manifests with foreign layers, and indexes without all of their children. */
export const validation = {
  manifests: { urls: { allow: ['^https?://'] }, indexes: { platforms: 'none' } },
};

/** The suites of the distribution specification. Whoever starts the registry stops it too, unless the test has. */
export function describeConformance(
  title: string,
  components: readonly string[],
  start: () => Promise<RegistryUnderTest>,
): void {
  describeWith(
    ['oci-conformance-v1.1.1', 'oci-conformance-main', ...components],
    title,
    (suites) => {
      let registry: RegistryUnderTest;
      let folder: TempDir;

      beforeAll(async () => {
        folder = await TempDir.create('conformance');
        registry = await start();
      });

      afterAll(async () => {
        await registry?.stop();
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
            const output = await runSuite(suites['oci-conformance-v1.1.1'] ?? '', {
              OCI_ROOT_URL: registry.url,
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
            const output = await runSuite(suites['oci-conformance-main'] ?? '', {
              OCI_REGISTRY: registry.host,
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
    },
  );
}
