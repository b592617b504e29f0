import { openSync, writeSync } from 'node:fs';

import { Seeded } from '#storage/testing/seeded.js';

import { type Plant, plant } from './plants.js';

/** Writes to a storage without end: `load.js FOLDER SEED LOG [BUG]`. Logs what it begins and what it was promised. */
const [rootdirectory = '', seed = '1', logFile = '', bug] = process.argv.slice(2);
if (bug !== undefined) await plant(bug as Plant);
// After the bug, which changes what the driver imports.
const { FilesystemDriver } = await import('#storage/filesystem/filesystem-driver.js');
const { runLoad } = await import('../power-loss-load.js');

// A file, since what does not fit into a pipe at once would be lost with this process.
const log = openSync(logFile, 'a');
const tell = (event: unknown) => void writeSync(log, `${JSON.stringify(event)}\n`);
const driver = await FilesystemDriver.connect({ rootdirectory });
await Promise.all(
  [0, 1].map((worker) =>
    runLoad(driver, `${seed}-${worker}`, new Seeded(Number(seed) * 10 + worker), tell),
  ),
);
