import { readdir, readFile } from 'node:fs/promises';

import type { RunningProcess } from '../support/process.js';
import { until } from '../support/until.js';

/**
 * Stops a process where it is. What it told before is true of the moment of the fault that comes now; a forced shutdown
 * of XFS lets an fsync of a folder that is under way succeed though nothing was written.
 */
export async function pause(child: RunningProcess): Promise<void> {
  child.signal('SIGSTOP');
  await until(`process ${child.pid} to stop`, async () => {
    const threads = await readdir(`/proc/${child.pid}/task`);
    const states = await Promise.all(
      threads.map(async (thread) => {
        const stat = await readFile(`/proc/${child.pid}/task/${thread}/stat`, 'utf8');
        return stat.slice(stat.lastIndexOf(')') + 2)[0];
      }),
    );
    return states.every((state) => state === 'T');
  });
}
