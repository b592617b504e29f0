import { mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

import config from './rolldown.config.mjs';

/**
 * `npm run bundle`: makes dist/holdfast, unless it is newer than all that it is made of. Others may run, or start, from
 * there meanwhile: the files of the bundle carry hashes of their content in their names, so that those in use stay as they
 * are, and the programs that name them come last.
 */
const target = 'dist/holdfast';
const made = `dist/holdfast.${process.pid}`;
const sources = ['apps', 'libs', 'bundle.mjs', 'rolldown.config.mjs', 'tsconfig.base.json', 'package-lock.json'];
/** Of a file that no bundle needs any more, before it is removed (milliseconds): a process may still come to load it. */
const grace = 24 * 60 * 60 * 1000;

const entries = Object.keys(config.input).map((name) => `${name}.js`);

if (!isCurrent()) await bundle();

async function bundle() {
  const { rolldown } = await import('rolldown');
  const started = new Date();
  const build = await rolldown(config);
  try {
    const { output } = await build.write({ ...config.output, dir: made });
    const names = output.map(({ fileName }) => fileName);
    mkdirSync(target, { recursive: true });
    for (const name of [...names.filter((one) => !entries.includes(one)), ...entries]) {
      // A source that is saved while this runs is newer.
      utimesSync(join(made, name), started, started);
      renameSync(join(made, name), join(target, name));
    }
    for (const name of readdirSync(target)) {
      const path = join(target, name);
      if (!names.includes(name) && Date.now() - statSync(path).mtimeMs > grace) rmSync(path);
    }
  } finally {
    await build.close();
    rmSync(made, { recursive: true, force: true });
  }
}

function isCurrent() {
  const times = entries.map((name) => statSync(join(target, name), { throwIfNoEntry: false })?.mtimeMs ?? 0);
  return newest(sources) < Math.min(...times);
}

function newest(paths) {
  return Math.max(
    ...paths.map((path) => {
      const found = statSync(path);
      if (!found.isDirectory()) return found.mtimeMs;
      const below = readdirSync(path).map((name) => join(path, name));
      return Math.max(found.mtimeMs, newest(below));
    }),
  );
}
