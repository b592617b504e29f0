import { describe, expect, it } from '@jest/globals';

import type { Plant } from './processes/plants.js';
import { inspect } from './registry-folder.js';
import { processFile } from './registry-process.js';
import { tryRunToEnd } from './run-to-end.js';
import type { InterleavingCounts } from './upload-interleaving.js';
import { withFolder } from './with-folder.js';

async function interleave(count: number, bug?: Plant) {
  return withFolder(async (folder) => {
    const args = [processFile('interleavings'), folder, String(count), ...(bug ? [bug] : [])];
    const output = await tryRunToEnd(process.execPath, args);
    const { corrupt, blobs } = await inspect(folder);
    return { output, corrupt, blobs };
  });
}

describe('A8 several requests on one upload session of a disk', () => {
  it('never alter a committed blob, in 1,000 interleavings', async () => {
    const { output, corrupt, blobs } = await interleave(1000);
    const counts = JSON.parse(output) as InterleavingCounts;
    expect(corrupt).toEqual([]);
    expect(blobs).toBeGreaterThan(300);
    expect(counts.refusals).toBeGreaterThan(300);
    process.stdout.write(
      `A8: 0 of ${blobs} blobs corrupt; ${counts.commits} commits, ${counts.refusals} refusals\n`,
    );
  }, 120_000);

  it.each(['shared-claim', 'shared-recovery'] as const)(
    'would be seen to do so by a driver that has the bug %s',
    async (bug) => {
      const { corrupt, output } = await interleave(300, bug);
      // A file that is shorter than what was acknowledged is seen before it becomes a blob.
      const seen = /fewer than the \d+ acknowledged/.exec(output);
      expect([...corrupt, ...(seen ?? [])]).not.toEqual([]);
    },
    120_000,
  );
});
