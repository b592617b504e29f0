import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { request as requestTls } from 'node:https';
import { fileURLToPath } from 'node:url';

import { stringify } from 'yaml';

import { freePort } from './free-port.js';
import { RunningProcess, type Exit } from './process.js';
import { TempDir } from './temp-dir.js';

type Section = Readonly<Record<string, unknown>>;

export interface HoldfastOptions {
  /**
   * The configuration, to be written as YAML. Where it says nothing of them: a free loopback port, a folder of its own
   * with deletes enabled, and no wait before draining.
   */
  readonly config?: Section;
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments after `serve FILE`. */
  readonly args?: readonly string[];
  /** Content that outlives this process; its owner removes it. */
  readonly root?: string;
}

/** The folder with package.json, from `test/support` and from `dist/test/support` alike. */
export const projectRoot = fileURLToPath(
  [new URL('../../', import.meta.url), new URL('../../../', import.meta.url)].find((folder) =>
    existsSync(new URL('package.json', folder)),
  ) ?? import.meta.url,
);

/** The program behind the command `holdfast`. */
export const holdfastProgram = `${projectRoot}dist/holdfast/holdfast.js`;

/**
 * What answers to `serve FILE`. Another registry in its place, such as Distribution's, shows whether a failure is the
 * client's own.
 */
const standIn = process.env['HOLDFAST_TEST_STAND_IN'];
const command =
  standIn === undefined ? [process.execPath, holdfastProgram, 'serve'] : [standIn, 'serve'];

const configName = 'config.yml';

/** A running Holdfast that answers. */
export class Holdfast {
  private constructor(
    /** `127.0.0.1:PORT`, as clients name the registry. */
    readonly host: string,
    /** With the scheme, without a slash at the end. */
    readonly url: string,
    /** `storage.filesystem.rootdirectory`. */
    readonly root: string,
    readonly process: RunningProcess,
    private readonly folder: TempDir,
  ) {}

  static async start({
    config = {},
    env,
    args = [],
    root,
  }: HoldfastOptions = {}): Promise<Holdfast> {
    const folder = await TempDir.create('server');
    let child: RunningProcess | undefined;
    try {
      const host = `127.0.0.1:${await freePort()}`;
      const data = root ?? folder.join('data');
      const file = folder.join(configName);
      await writeFile(file, stringify(complete(config, host, data)));
      const [program = '', ...first] = command;
      child = await RunningProcess.start(program, [...first, file, ...args], {
        cwd: folder.path,
        env: { ...withoutRegistrySettings(process.env), ...env },
      });
      const http = sectionOf(config, 'http');
      const url = `${'tls' in http ? 'https' : 'http'}://${host}`;
      const probe = `${url}${typeof http['prefix'] === 'string' ? http['prefix'].replace(/\/$/, '') : ''}/v2/`;
      await child.waitUntil(`an answer at ${probe}`, () => answers(probe));
      return new Holdfast(host, url, data, child, folder);
    } catch (error) {
      await child?.stop();
      await folder.remove();
      throw error;
    }
  }

  get pid(): number {
    return this.process.pid;
  }

  get configFile(): string {
    return this.folder.join(configName);
  }

  get output(): string {
    return this.process.output;
  }

  async stop(): Promise<Exit> {
    const exit = await this.process.stop();
    await this.folder.remove();
    return exit;
  }
}

export const startHoldfast = (options?: HoldfastOptions): Promise<Holdfast> =>
  Holdfast.start(options);

const drivers = ['filesystem', 'inmemory', 's3', 'azure', 'gcs', 'swift'];

function complete(config: Section, host: string, root: string): Section {
  const storage = sectionOf(config, 'storage');
  const driver = drivers.some((name) => name in storage);
  return {
    version: 0.1,
    ...config,
    storage: {
      ...(driver ? {} : { filesystem: { rootdirectory: root } }),
      delete: { enabled: true },
      ...storage,
    },
    http: { addr: host, drainwait: '0s', ...sectionOf(config, 'http') },
  };
}

function sectionOf(config: Section, key: string): Section {
  const value = config[key];
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** The runner's own `REGISTRY_…` variables would change what the test's file says. */
function withoutRegistrySettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('REGISTRY_')));
}

/** Whether the address answers as a registry that is ready, with or without a password. */
function answers(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const send = url.startsWith('https:') ? requestTls : request;
    const probe = send(
      url,
      { agent: false, rejectUnauthorized: false, timeout: 2000 },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200 || response.statusCode === 401);
      },
    );
    probe.on('error', () => resolve(false)).on('timeout', () => probe.destroy());
    probe.end();
  });
}
