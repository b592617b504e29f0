import { chmodSync, mkdirSync, rmSync } from 'node:fs';

import type { Generator, Job, Load } from './generator.js';
import type { Options } from './options.js';
import type { Row, Sample } from './rows/row.js';
import { launch } from './servers/launch.js';
import type { RunningServer, ServerName, Setting } from './servers/server.js';

/** Where rows are measured: starts servers, makes load, reads what it cost. */
export class Workshop {
  private nonce = Date.now() * 1024;
  private roots = 0;

  constructor(
    readonly generator: Generator,
    readonly options: Options,
    readonly directory: string,
  ) {
    mkdirSync(directory, { recursive: true });
    // nginx reads it as another user.
    chmodSync(directory, 0o755);
  }

  /** A number that starts a range of `size` contents never used before. */
  fresh(size = 100_000): number {
    this.nonce += size;
    return this.nonce;
  }

  /** Runs `use` on a server over an empty folder, removed afterwards. */
  async onEmptyRoot<T>(
    name: ServerName,
    use: (server: RunningServer) => Promise<T>,
    setting: Partial<Setting> = {},
  ): Promise<T> {
    const root = `${this.directory}/${name}-${++this.roots}`;
    try {
      return await this.on(name, root, use, setting);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  }

  async on<T>(
    name: ServerName,
    root: string,
    use: (server: RunningServer) => Promise<T>,
    setting: Partial<Setting> = {},
  ): Promise<T> {
    const server = await launch(name, { scratch: `${this.directory}/scratch`, root, ...setting });
    try {
      return await use(server);
    } finally {
      await server.stop();
    }
  }

  /** Puts the load on the server and tells what one unit of work cost. */
  async measure(server: RunningServer, row: Row, job: Job): Promise<Sample> {
    server.tree.resetPeaks();
    const before = server.tree.cpuSeconds();
    const load = await this.generator.run({ ...job, address: server.address });
    return sampleOf(row, load, server.tree.cpuSeconds() - before, server.tree.peak());
  }

  async warm(server: RunningServer, job: Job): Promise<void> {
    await this.generator.run({
      ...job,
      address: server.address,
      seconds: Math.min(2, this.options.seconds / 2),
    });
  }
}

function sampleOf(row: Row, load: Load, cpuSeconds: number, peak: number): Sample {
  const gigabytes = load.bytes / 1e9;
  const value = {
    '/s': load.operations / load.seconds,
    'MB/s': load.bytes / 1e6 / load.seconds,
    ms: load.p50 * 1000,
    MB: peak / 1e6,
  }[row.unit];
  const sample = { value, peak, failures: load.failures, examples: load.examples ?? [] };
  if (row.cpuUnit === undefined) return sample;
  const cpu = {
    'ms/1000': (cpuSeconds / load.operations) * 1e6,
    'ms each': (cpuSeconds / load.operations) * 1e3,
    's/GB': cpuSeconds / gigabytes,
  }[row.cpuUnit];
  return { ...sample, cpu };
}
