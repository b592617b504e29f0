import type { LoadedConfig } from './load-config.js';
import type { Setting } from './settings.js';

export interface Reload {
  /** Keys that differ and can be obeyed without a restart. */
  readonly live: readonly string[];
  /** Keys that differ and go on as before until the process starts anew. */
  readonly needRestart: readonly string[];
}

/** What differs between what runs and what was read again. The content of files that keys name is not looked at. */
export function diffReload(old: LoadedConfig<unknown>, next: LoadedConfig<unknown>): Reload {
  const live: string[] = [];
  const needRestart: string[] = [];
  for (const key of new Set([...old.settings.keys(), ...next.settings.keys()])) {
    const [before, after] = [old.settings.get(key), next.settings.get(key)];
    if (written(before) === written(after)) continue;
    const isLive = (after ?? before)?.node.doc.live === true;
    (isLive ? live : needRestart).push(key);
  }
  return { live, needRestart };
}

function written(setting: Setting | undefined): string {
  return JSON.stringify(setting?.value ?? null);
}
