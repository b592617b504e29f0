import { writeFile } from 'node:fs/promises';

import { hash } from 'bcrypt';

import { commandLine } from '../support/command-line.js';
import { startHoldfast, type Holdfast } from '../support/holdfast.js';
import { run, tryRun, type Finished } from '../support/process.js';
import { RegistryClient } from '../support/registry-client.js';
import { TempDir } from '../support/temp-dir.js';

export const user = { username: 'alice', password: 's3cret' };

/** A registry that asks for a password, and folders of its own for everything that a client remembers. */
export class Setting {
  readonly client: RegistryClient;

  private constructor(
    readonly folder: TempDir,
    readonly registry: Holdfast,
    readonly env: Readonly<Record<string, string>>,
  ) {
    this.client = new RegistryClient(registry.url, user);
  }

  static async start(name: string, env: Readonly<Record<string, string>> = {}): Promise<Setting> {
    const folder = await TempDir.create(name);
    try {
      const passwords = folder.join('htpasswd');
      await writeFile(passwords, `${user.username}:${await hash(user.password, 4)}\n`);
      const registry = await startHoldfast({
        config: { auth: { htpasswd: { realm: 'clients', path: passwords } } },
      });
      return new Setting(folder, registry, { ...environment(folder), ...env });
    } catch (error) {
      await folder.remove();
      throw error;
    }
  }

  /** `127.0.0.1:PORT` */
  get host(): string {
    return this.registry.host;
  }

  /** A reference as clients write it: `host/repository:tag`. */
  at(reference: string): string {
    return `${this.host}/${reference}`;
  }

  /** Runs a command line that must succeed, and gives what it wrote to standard output. */
  run(...line: Parameters<typeof commandLine>): Promise<string> {
    const [command = '', ...args] = commandLine(...line);
    return run(command, args, this.#options);
  }

  /** Runs a command line that may fail. */
  attempt(...line: Parameters<typeof commandLine>): Promise<Finished> {
    const [command = '', ...args] = commandLine(...line);
    return tryRun(command, args, this.#options);
  }

  /** Runs a command line that reads `input`. */
  feed(input: string): (...line: Parameters<typeof commandLine>) => Promise<Finished> {
    return (...line) => {
      const [command = '', ...args] = commandLine(...line);
      return tryRun(command, args, { ...this.#options, input });
    };
  }

  get #options() {
    return { env: this.env, cwd: this.folder.path };
  }

  async stop(): Promise<void> {
    await this.registry.stop();
    await this.folder.remove();
  }
}

function environment(folder: TempDir): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: folder.path,
    TMPDIR: folder.path,
    DOCKER_CONFIG: folder.join('docker'),
    REGISTRY_AUTH_FILE: folder.join('auth.json'),
    REGCTL_CONFIG: folder.join('regctl.json'),
    HELM_REGISTRY_CONFIG: folder.join('helm', 'registry.json'),
    HELM_CACHE_HOME: folder.join('helm', 'cache'),
    HELM_CONFIG_HOME: folder.join('helm', 'config'),
    HELM_DATA_HOME: folder.join('helm', 'data'),
    XDG_CONFIG_HOME: folder.join('config'),
    NOTATION_CONFIG: folder.join('config', 'notation'),
    COSIGN_PASSWORD: '',
  };
}
