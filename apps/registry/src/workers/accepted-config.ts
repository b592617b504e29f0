import type { Config } from '../config.js';
import { withLive } from '../live-config.js';
import { loadRegistryConfig } from '../load-config.js';
import type { Accepted } from './messages.js';

/** What a worker goes by, the same as those that were there from the beginning. */
export function configOf({ started, now }: Accepted): Config {
  const { config } = loadRegistryConfig({ source: started });
  if (now?.text === started?.text) return config;
  return withLive(config, loadRegistryConfig({ source: now }).config);
}
