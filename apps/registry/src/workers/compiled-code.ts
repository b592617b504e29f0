import { flushCompileCache, getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';

/** Milliseconds after the start: nobody's first request waits for it. */
const keptAfter = 2000;

/** Where Node keeps what it compiled, as `NODE_COMPILE_CACHE` names it: each version and architecture has its folder there. */
export function compileCacheFolder(): string | undefined {
  const folder = getCompileCacheDir();
  return folder && dirname(folder);
}

/** Writes down what the start compiled; Node itself does so when a process ends, and one that is killed would leave nothing. */
export function keepCompiledCode(): void {
  if (getCompileCacheDir() !== undefined) setTimeout(flushCompileCache, keptAfter).unref();
}
