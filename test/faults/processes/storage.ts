import { FilesystemDriver } from '#storage/filesystem/filesystem-driver.js';

import { scenarios } from '../storage-scenarios.js';
import { Death } from './death.js';

/** Acts out one scenario on a folder: `storage.js FOLDER SCENARIO [STEP AT WHICH TO DIE]`. */
const [rootdirectory = '', name = '', atStep] = process.argv.slice(2);
const death = new Death(atStep === undefined ? undefined : Number(atStep));
const scenario = scenarios.find((one) => one.name === name);
if (scenario === undefined) throw new Error(`no scenario ${name}`);
const driver = await FilesystemDriver.connect({
  rootdirectory,
  onStep: async (step) => {
    await scenario.disturb?.(driver, step);
    await death.onStep(step);
  },
});
death.begin();
await scenario.act(driver);
process.stdout.write('acted\n');
