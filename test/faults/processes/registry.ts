import { Death } from './death.js';
import { type Plant, plant } from './plants.js';

/** The whole registry on a folder: `registry.js FOLDER [--die-at=STEP] [--plant=BUG]`. Prints `listening URL`. */
const [rootdirectory = '', ...options] = process.argv.slice(2);
const option = (name: string) =>
  options.find((one) => one.startsWith(`--${name}=`))?.slice(name.length + 3);
const atStep = option('die-at');
const bug = option('plant');
if (bug !== undefined) await plant(bug as Plant);
// After the bug, which changes what the registry imports.
const { serve } = await import('./serve.js');

const death = new Death(atStep === undefined ? undefined : Number(atStep));
const { url } = await serve({ rootdirectory, onStep: death.onStep });
death.begin();
process.stdout.write(`listening ${url}\n`);
