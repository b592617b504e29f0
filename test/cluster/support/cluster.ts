import { mkdir, readFile } from 'node:fs/promises';

import { parse } from 'yaml';

import { projectRoot } from '../../support/holdfast.js';
import { Minio } from '../../support/servers/minio.js';
import { Redis } from '../../support/servers/redis.js';
import { TempDir } from '../../support/temp-dir.js';
import { Balancer } from './balancer.js';
import { Replica, type Settings } from './replica.js';

export interface ClusterOptions {
  readonly replicas?: number;
  /** Where each replica finds the bucket and Redis; directly where it is not said. */
  readonly via?: (servers: {
    readonly storage: string;
    readonly redis: string;
    readonly replica: number;
  }) => Promise<{ readonly storage: string; readonly redis: string }>;
  /** What one replica has different from the published file. */
  readonly change?: (config: Settings, replica: number) => Settings;
  readonly redis?: boolean;
  /** The program of the replicas, if not the product's own. */
  readonly main?: readonly string[];
  /** Where a replica says that it takes requests. */
  readonly ready?: string;
}

/**
 * What `deploy/compose` describes, as processes of this machine: replicas behind HAProxy over a bucket of MinIO, with a
 * Redis for a cache, from the published files, with other addresses.
 */
export class Cluster {
  private constructor(
    readonly replicas: readonly Replica[],
    readonly balancer: Balancer,
    readonly minio: Minio,
    readonly redis: Redis,
    private readonly folder: TempDir,
  ) {}

  static async start({
    replicas: count = 3,
    via = async (direct) => direct,
    change = (config) => config,
    redis: withRedis = true,
    main,
    ready = '/readyz',
  }: ClusterOptions = {}): Promise<Cluster> {
    const folder = await TempDir.create('cluster');
    const started: { stop(): Promise<unknown> }[] = [];
    const running = <T extends { stop(): Promise<unknown> }>(one: T): T => {
      started.push(one);
      return one;
    };
    try {
      const minio = running(await Minio.start(folder.path, { address: '127.0.20.1' }));
      await minio.makeBucket('registry');
      const redis = running(
        await Redis.start(folder.path, {
          address: '127.0.20.2',
          args: ['--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru'],
        }),
      );
      const published = parse(
        await readFile(`${projectRoot}deploy/compose/holdfast.yml`, 'utf8'),
      ) as Settings;
      const replicas = await Promise.all(
        Array.from({ length: count }, async (_, index) => {
          const at = await via({
            storage: new URL(minio.endpoint).host,
            redis: redis.host,
            replica: index,
          });
          const config = adapted(published, minio, at, withRedis);
          const own = folder.join(`replica-${index}`);
          await mkdir(own);
          return Replica.start({
            name: `replica-${index}`,
            address: `127.0.20.${11 + index}`,
            config: change(config, index),
            folder: own,
            ready,
            ...(main && { main }),
            env: { REGISTRY_HTTP_SECRET: 'of the cluster under test' },
          }).then(running);
        }),
      );
      const hosts = replicas.map(({ host }) => host);
      const balancer = running(await Balancer.start(folder.path, hosts, ready));
      await balancer.settled(count);
      return new Cluster(replicas, balancer, minio, redis, folder);
    } catch (error) {
      for (const one of started.toReversed()) await one.stop();
      await folder.remove();
      throw error;
    }
  }

  /** What clients see. */
  get url(): string {
    return this.balancer.url;
  }

  async stop(): Promise<void> {
    await this.balancer.stop();
    const running = this.replicas.filter(({ isRunning }) => isRunning);
    await Promise.all(running.map((replica) => replica.stop()));
    await this.redis.stop();
    await this.minio.stop();
    await this.folder.remove();
  }
}

function adapted(
  published: Settings,
  minio: Minio,
  at: { readonly storage: string; readonly redis: string },
  withRedis: boolean,
): Settings {
  const { redis: _redis, ...rest } = published;
  const storage = sectionOf(published, 'storage');
  const http = sectionOf(published, 'http');
  return {
    ...rest,
    ...(withRedis && { redis: { ...sectionOf(published, 'redis'), addrs: [at.redis] } }),
    storage: {
      ...storage,
      ...(!withRedis && { cache: { blobdescriptor: 'inmemory' } }),
      s3: {
        ...sectionOf(storage, 's3'),
        regionendpoint: `http://${at.storage}`,
        accesskey: minio.credentials.accessKey,
        secretkey: minio.credentials.secretKey,
      },
    },
    http: { ...http, trustedproxies: ['127.0.0.0/8'], drainwait: '1s', debug: undefined },
    health: { storagedriver: { enabled: true, interval: '1s', threshold: 3 } },
  };
}

function sectionOf(settings: Settings, key: string): Settings {
  return settings[key] as Settings;
}
