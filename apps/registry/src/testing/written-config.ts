import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ConfigError } from '#config/config-error.js';
import type { Environment } from '#config/environment.js';

import { loadRegistryConfig } from '../load-config.js';
import type { LoadedRegistryConfig } from '../load-config.js';

/** A configuration file that is written anew for each load. */
export class WrittenConfig {
  readonly folder = mkdtempSync(join(tmpdir(), 'holdfast-config-'));
  readonly path = join(this.folder, 'config.yml');

  load(yaml: string | Uint8Array, env: Environment = {}): LoadedRegistryConfig {
    writeFileSync(this.path, yaml);
    return loadRegistryConfig({ path: this.path, env });
  }

  problems(yaml: string | Uint8Array, env: Environment = {}): readonly string[] {
    try {
      this.load(yaml, env);
    } catch (error) {
      if (error instanceof ConfigError) return error.lines;
      throw error;
    }
    return [];
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** The lines below the version, which every file begins with. */
export function file(...lines: readonly string[]): string {
  return ['version: 0.1', ...lines].join('\n');
}
