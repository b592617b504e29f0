import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { stringify } from 'yaml';

import { holdfastProgram } from '../../support/holdfast.js';
import { type Exit, RunningProcess } from '../../support/process.js';
import { listenOn } from '../../support/servers/real-server.js';

export type Settings = Readonly<Record<string, unknown>>;

export interface ReplicaOptions {
  readonly name: string;
  /** A loopback address of its own, as if it were a machine of its own. */
  readonly address: string;
  /** Without `http.addr`. */
  readonly config: Settings;
  readonly folder: string;
  /** Where it says that it takes requests. */
  readonly ready: string;
  /** Program and arguments before the file. */
  readonly main?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const product = [process.execPath, holdfastProgram, 'serve'];

/** One process that serves, at an address that stays its own however often it is started. */
export class Replica {
  #process: RunningProcess | undefined;
  #earlierOutput = '';

  private constructor(
    readonly name: string,
    /** `ADDRESS:PORT` */
    readonly host: string,
    private readonly file: string,
    private readonly options: ReplicaOptions,
  ) {}

  static async start(options: ReplicaOptions): Promise<Replica> {
    const { name, address, config, folder } = options;
    const { host } = await listenOn({ address });
    const file = join(folder, `${name}.yml`);
    const http = { ...(config['http'] as Settings | undefined), addr: host };
    await writeFile(file, stringify({ ...config, http }));
    const replica = new Replica(name, host, file, options);
    await replica.start();
    return replica;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  get pid(): number {
    return this.#running.pid;
  }

  /** All that it wrote since the test began. */
  get output(): string {
    return this.#earlierOutput + (this.#process?.output ?? '');
  }

  async start(): Promise<void> {
    this.#earlierOutput = this.output;
    const [program = '', ...args] = this.options.main ?? product;
    this.#process = await RunningProcess.start(program, [...args, this.file], {
      cwd: this.options.folder,
      env: { ...withoutRegistrySettings(process.env), ...this.options.env },
    });
    await this.#process.waitUntil(`${this.name} to be ready`, () => this.isReady());
  }

  async isReady(): Promise<boolean> {
    try {
      return (
        await fetch(`${this.url}${this.options.ready}`, { signal: AbortSignal.timeout(2000) })
      ).ok;
    } catch {
      return false;
    }
  }

  /** As a rollout does: requests under way end first. */
  async stop(boundMs = 60_000): Promise<Exit> {
    this.resume();
    return this.#running.stop(boundMs);
  }

  async kill(): Promise<void> {
    this.#running.signal('SIGKILL');
    await this.#running.exited;
  }

  /** It keeps its connections and answers nobody. */
  pause(): void {
    if (this.#running.running) this.#running.signal('SIGSTOP');
  }

  resume(): void {
    if (this.#running.running) this.#running.signal('SIGCONT');
  }

  get isRunning(): boolean {
    return this.#process?.running ?? false;
  }

  get #running(): RunningProcess {
    if (this.#process === undefined) throw new Error(`${this.name} was never started`);
    return this.#process;
  }
}

/** The runner's own `REGISTRY_…` variables would change what the file says. */
function withoutRegistrySettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('REGISTRY_')));
}
