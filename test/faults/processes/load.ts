import { Seeded } from '#storage/testing/seeded.js';

import { type Plant, plant } from './plants.js';

/** Writes to a storage without end: `load.js FOLDER SEED [BUG]`. Tells what it begins and what it was promised. */
const [rootdirectory = '', seed = '1', bug] = process.argv.slice(2);
if (bug !== undefined) await plant(bug as Plant);
// After the bug, which changes what the driver imports.
const { FilesystemDriver } = await import('#storage/filesystem/filesystem-driver.js');
const { runLoad } = await import('../power-loss-load.js');

const driver = await FilesystemDriver.connect({ rootdirectory });
const tell = (event: unknown) => process.stdout.write(`${JSON.stringify(event)}\n`);
tell({ ready: true });
await Promise.all(
  [0, 1].map((worker) =>
    runLoad(driver, `${seed}-${worker}`, new Seeded(Number(seed) * 10 + worker), tell),
  ),
);
