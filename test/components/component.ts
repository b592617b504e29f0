import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

const own = join(process.env['HOLDFAST_COMPONENTS'] ?? '/var/cache/holdfast-components', 'bin');

/** Debian's folders come before the PATH: a newer docker there may lack what the tests use. */
const folders = [
  own,
  '/usr/bin',
  '/usr/sbin',
  '/bin',
  '/sbin',
  ...(process.env['PATH'] ?? '').split(':').filter((folder) => folder !== ''),
];

/** The absolute path of a real server, client or tool; undefined where `test/components/install` has not run. */
export function component(name: string): string | undefined {
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
