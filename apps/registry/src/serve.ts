import type { LoadedRegistryConfig } from './load-config.js';
import { StartupError } from './startup-error.js';

/** Runs the registry until the process is told to stop. */
export async function serve(loaded: LoadedRegistryConfig): Promise<void> {
  throw new StartupError('http.addr', `nothing listens on ${loaded.config.http.addr} yet`);
}
