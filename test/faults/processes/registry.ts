import type { AddressInfo } from 'node:net';

import { createApp } from '#registry/app.js';
import { loadRegistryConfig } from '#registry/load-config.js';
import { FilesystemDriver } from '#storage/filesystem/filesystem-driver.js';
import { ProcessLog } from '#telemetry/create-log.js';

import { Death } from './death.js';
import { type Plant, plant } from './plants.js';

/** The whole registry on a folder: `registry.js FOLDER [--die-at=STEP] [--plant=BUG]`. Prints `listening PORT`. */
const [rootdirectory = '', ...options] = process.argv.slice(2);
const option = (name: string) =>
  options.find((one) => one.startsWith(`--${name}=`))?.slice(name.length + 3);
const atStep = option('die-at');
const bug = option('plant');
if (bug !== undefined) await plant(bug as Plant);

const death = new Death(atStep === undefined ? undefined : Number(atStep));
const { config } = loadRegistryConfig({
  env: {
    REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: rootdirectory,
    REGISTRY_STORAGE_DELETE_ENABLED: 'true',
  },
});
const driver = await FilesystemDriver.connect({ rootdirectory, onStep: death.onStep });
const log = ProcessLog.create(
  { level: 'error', formatter: 'text', fields: {} },
  { destination: process.stderr },
);
const app = await createApp({ config, log, driver, secrets: [] });
await app.listen(0, '127.0.0.1');
death.begin();
const { port } = app.getHttpServer().address() as AddressInfo;
process.stdout.write(`listening ${port}\n`);
