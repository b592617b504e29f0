import type { InterleavingCounts } from '../upload-interleaving.js';
import { type Plant, plant } from './plants.js';

/** `interleavings.js FOLDER COUNT [BUG]`: requests on upload sessions in so many orders. Prints what came of them. */
const [rootdirectory = '', count = '0', bug] = process.argv.slice(2);
if (bug !== undefined) await plant(bug as Plant);
// After the bug, which changes what the driver imports.
const { FilesystemDriver } = await import('#storage/filesystem/filesystem-driver.js');
const { interleave } = await import('../upload-interleaving.js');

const drivers = [
  await FilesystemDriver.connect({ rootdirectory }),
  await FilesystemDriver.connect({ rootdirectory }),
];
const counts: InterleavingCounts = { commits: 0, refusals: 0 };
for (let seed = 1; seed <= Number(count); seed++) await interleave(drivers, seed, counts);
process.stdout.write(`${JSON.stringify(counts)}\n`);
