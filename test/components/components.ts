import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from '@jest/globals';

const own = join(process.env['HOLDFAST_COMPONENTS'] ?? '/var/cache/holdfast-components', 'bin');
const required = process.env['HOLDFAST_REQUIRE_COMPONENTS'] === '1';

/** Debian's folders come before the PATH: a newer docker there may lack what the tests use. */
const folders = [
  own,
  '/usr/bin',
  '/usr/sbin',
  '/bin',
  '/sbin',
  ...(process.env['PATH'] ?? '').split(':').filter((folder) => folder !== ''),
];

/**
 * The absolute path of a real server, client or tool; undefined where `test/components/install` has not run.
 *
 * @public
 */
export function component(name: string): string | undefined {
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

/**
 * A suite that needs components: `body` is given their paths. Without them the suite is skipped and says so, and fails
 * where the environment has `HOLDFAST_REQUIRE_COMPONENTS=1`.
 */
export function describeWith<const Name extends string>(
  names: readonly Name[],
  title: string,
  body: (paths: Readonly<Record<Name, string>>) => void,
): void {
  const found = names.map((name) => [name, component(name)] as const);
  const missing = found.filter(([, path]) => path === undefined).map(([name]) => name);
  const paths = Object.fromEntries(found.map(([name, path]) => [name, path ?? name])) as Record<
    Name,
    string
  >;
  if (missing.length === 0) {
    describe(`${title}`, () => {
      body(paths);
    });
    return;
  }
  const reason = `${missing.join(', ')} not installed`;
  process.stderr.write(`${required ? 'FAILED' : 'skipped'}: ${title}: ${reason}\n`);
  if (required) {
    describe(`${title}`, () => {
      it('has its components', () => {
        expect(`${reason}: run test/components/install`).toBe('');
      });
    });
  } else {
    // oxlint-disable-next-line jest/no-disabled-tests -- a skip that the summary counts is the point here
    describe.skip(`${title} (${reason})`, () => {
      body(paths);
    });
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
