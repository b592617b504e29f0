import { describe, expect, it } from '@jest/globals';

import { component } from './component.js';

const required = process.env['HOLDFAST_REQUIRE_COMPONENTS'] === '1';

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
