import type { AzureConfig } from './azure-config.js';

/** Keys, and what the blobs are called. */
export class AzureNames {
  readonly #root: string;
  /** The slash that Distribution 2.x puts in front of every name. */
  #slash: '' | '/';

  constructor(
    private readonly config: Pick<AzureConfig, 'rootdirectory' | 'trimlegacyrootprefix'>,
  ) {
    const root = (config.rootdirectory ?? '').replace(/^\/+|\/+$/g, '');
    this.#root = root === '' ? '' : `${root}/`;
    this.#slash = config.trimlegacyrootprefix === false ? '/' : '';
  }

  of(key: string): string {
    return `${this.#slash}${this.#root}${key}`;
  }

  keyOf(name: string): string {
    return name.slice(this.#slash.length + this.#root.length);
  }

  /** Finds out how the names are that are there, if the configuration does not say. */
  async settle(holds: (prefix: string) => Promise<boolean>): Promise<void> {
    // Distribution 2.x knows no root directory.
    if (this.config.trimlegacyrootprefix !== undefined || this.#root !== '') return;
    if (!(await holds('docker/')) && (await holds('/docker/'))) this.#slash = '/';
  }
}
