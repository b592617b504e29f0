import { isSection } from '#config/document.js';
import type { DocumentSection } from '#config/document.js';
import type { Environment } from '#config/environment.js';
import { loadConfig } from '#config/load-config.js';
import type { ConfigSource, LoadedConfig } from '#config/load-config.js';
import { newSection } from '#config/normalize.js';
import { driverNames } from '#storage/storage-config.js';

import { configSchema } from './config.js';
import type { Config } from './config.js';
import { sharingWarning } from './http/shared-secret.js';

export type LoadedRegistryConfig = LoadedConfig<Config>;

/** @throws {ConfigError} with all that is wrong, one line each */
export function loadRegistryConfig(
  options: {
    path?: string | undefined;
    source?: ConfigSource | undefined;
    env?: Environment;
  } = {},
): LoadedRegistryConfig {
  const loaded = loadConfig({ schema: configSchema, complete, ...options });
  const risk = sharingWarning(loaded.config);
  return risk === undefined ? loaded : { ...loaded, warnings: [...loaded.warnings, risk] };
}

/** The older name of the log level. Files unless another driver was chosen: below the working folder for who just tries it out, else where Distribution has them. */
function complete(document: DocumentSection, hasFile: boolean): void {
  const { loglevel } = document;
  if (loglevel !== undefined) {
    const log = (document['log'] ??= newSection());
    if (isSection(log)) log['level'] ??= loglevel;
  }
  const storage = (document['storage'] ??= newSection());
  if (!isSection(storage)) return;
  if (!driverNames.some((name) => name in storage)) storage['filesystem'] = newSection();
  const { filesystem } = storage;
  if (!hasFile && isSection(filesystem)) filesystem['rootdirectory'] ??= './data';
}
