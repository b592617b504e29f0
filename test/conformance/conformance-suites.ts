import { readFile } from 'node:fs/promises';

import { afterAll, beforeAll, expect, it } from '@jest/globals';

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
      /** What each suite printed. They run side by side: each has repositories of its own, and mostly waits. */
      let outputs: Readonly<Record<string, Promise<string>>>;

      const resultsOf = (run: string) => folder.join(run);
      const junit = (run: string) => readFile(`${resultsOf(run)}/junit.xml`, 'utf8');

      // The suites read each other's variables, so each gets nothing but its own.
      const runSuite = async (suite: string, env: Readonly<Record<string, string>>) => {
        const { stdout, stderr } = await tryRun(suite, [], {
          cwd: folder.path,
          env: { PATH: '/usr/bin:/bin', HOME: folder.path, ...env },
          timeoutMs: suiteTimeoutMs,
        });
        return stdout + stderr;
      };

      const runGinkgo = (manifestsFirst: string) =>
        runSuite(suites['oci-conformance-v1.1.1'] ?? '', {
          OCI_ROOT_URL: registry.url,
          OCI_NAMESPACE: `ginkgo${manifestsFirst}/one`,
          OCI_CROSSMOUNT_NAMESPACE: `ginkgo${manifestsFirst}/two`,
          OCI_TEST_PULL: '1',
          OCI_TEST_PUSH: '1',
          OCI_TEST_CONTENT_DISCOVERY: '1',
          OCI_TEST_CONTENT_MANAGEMENT: '1',
          OCI_AUTOMATIC_CROSSMOUNT: '1',
          OCI_DELETE_MANIFEST_BEFORE_BLOBS: manifestsFirst,
          OCI_REPORT_DIR: resultsOf(`ginkgo-${manifestsFirst}`),
        });

      const runMain = (version: string) =>
        runSuite(suites['oci-conformance-main'] ?? '', {
          OCI_REGISTRY: registry.host,
          OCI_TLS: 'disabled',
          OCI_VERSION: version,
          OCI_REPO1: `main-${version}/one`,
          OCI_REPO2: `main-${version}/two`,
          OCI_DATA_SPARSE: 'true',
          OCI_RESULTS_DIR: resultsOf(`main-${version}`),
        });

      beforeAll(async () => {
        folder = await TempDir.create('conformance');
        registry = await start();
        outputs = {
          'ginkgo-0': runGinkgo('0'),
          'ginkgo-1': runGinkgo('1'),
          'main-1.1': runMain('1.1'),
          'main-dev': runMain('dev'),
        };
        // Whoever awaits it is told.
        for (const output of Object.values(outputs)) output.catch(() => undefined);
      });

      afterAll(async () => {
        await Promise.allSettled(Object.values(outputs ?? {}));
        await registry?.stop();
        await folder?.remove();
      });

      it.each(['0', '1'])(
        'suite 1.1.1 passes in all four categories, manifests deleted before blobs: %s',
        async (manifestsFirst) => {
          const run = `ginkgo-${manifestsFirst}`;
          const output = (await outputs[run]) ?? '';
          expect(casesThatDidNotPass(await junit(run), /^fail/)).toEqual([]);
          expect(ginkgoTotals(output)).toEqual({ passed: 75, failed: 0, skipped: 4 });
        },
      );

      it.each(['1.1', 'dev'] as const)(
        'suite main passes without a skip for OCI_VERSION=%s',
        async (version) => {
          const run = `main-${version}`;
          const totals = mainTotals((await outputs[run]) ?? '');
          // What the version leaves out is written down as skipped too, so those are shown only when a real one is among them.
          const wrong = totals.skipped === 0 ? /^(failure|error)$/ : /^(failure|error|skipped)$/;
          expect(casesThatDidNotPass(await junit(run), wrong)).toEqual([]);
          expect(totals).toMatchObject({ failed: 0, skipped: 0 });
          expect(totals.passed).toBeGreaterThanOrEqual(leastPassed[version]);
        },
      );
    },
  );
}
