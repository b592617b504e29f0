import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { basename } from 'node:path';

import type { Minio } from '../support/servers/minio.js';
import type { Generator, Job, Load } from './generator.js';
import type { Options } from './options.js';
import type { Row, Sample } from './rows/row.js';
import { launch } from './servers/launch.js';
import type { Bucket, RunningServer, ServerName, Setting } from './servers/server.js';

/** Where rows are measured: starts servers, makes load, reads what it cost. */
export class Workshop {
  private nonce = Date.now() * 1024;
  private roots = 0;
  readonly #buckets = new Set<string>();

  constructor(
    readonly generator: Generator,
    readonly options: Options,
    readonly directory: string,
    private readonly minio: Minio | undefined,
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
      if (this.minio) rmSync(bucketFolder(this, root), { recursive: true, force: true });
    }
  }

  async on<T>(
    name: ServerName,
    root: string,
    use: (server: RunningServer) => Promise<T>,
    setting: Partial<Setting> = {},
  ): Promise<T> {
    const scratch = `${this.directory}/scratch`;
    const bucket = this.minio && (await this.#bucket(this.minio, bucketName(root)));
    const server = await launch(name, { scratch, root, bucket, ...setting });
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

  async #bucket(minio: Minio, name: string): Promise<Bucket> {
    if (!this.#buckets.has(name)) await minio.makeBucket(name);
    this.#buckets.add(name);
    const { endpoint, region, credentials } = minio;
    return { endpoint, region, name, ...credentials };
  }

  async warm(server: RunningServer, job: Job): Promise<void> {
    await this.generator.run({
      ...job,
      address: server.address,
      seconds: Math.min(2, this.options.seconds / 2),
    });
  }
}

const bucketName = (root: string): string => basename(root);

/** Where MinIO has the bucket's files. */
const bucketFolder = ({ directory }: Workshop, root: string): string =>
  `${directory}/minio/${bucketName(root)}`;

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
