import { mkdir } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { CountingProxy, type Traffic } from '../../support/proxies/counting-proxy.js';
import { s3Operation } from '../../support/proxies/s3-operation.js';
import { RegistryApi } from '../../support/registry-api.js';
import type { Minio } from '../../support/servers/minio.js';
import type { Redis } from '../../support/servers/redis.js';
import type { Bucket } from '../servers/server.js';
import { RedisCounter, type RedisTraffic } from './redis-counter.js';
import { startSubject, type Subject } from './subjects.js';

/** What one operation asked of the bucket and of Redis. */
export interface Tally {
  readonly calls: Readonly<Record<string, Traffic>>;
  readonly total: Traffic;
  readonly redis: RedisTraffic;
  /** Of the client, to the registry. */
  readonly requests: number;
}

/** Registries may trust for a moment what they saw (milliseconds). */
const momentOver = 1500;

type Running = Awaited<ReturnType<typeof startSubject>>;

/** One registry over an empty bucket, with somebody who counts between the two. */
export class Stage {
  #requests = 0;

  private constructor(
    readonly subject: Subject,
    private readonly bucket: Bucket,
    private readonly folder: string,
    private readonly proxy: CountingProxy,
    private readonly redis: { readonly server: Redis; readonly counter: RedisCounter } | undefined,
    private running: Running,
  ) {}

  static async open(
    subject: Subject,
    { minio, redis, folder }: { minio: Minio; redis: Redis | undefined; folder: string },
  ): Promise<Stage> {
    const scratch = join(folder, subject);
    await mkdir(scratch, { recursive: true });
    await minio.makeBucket(subject);
    const proxy = await CountingProxy.start(minio.endpoint, { nameOf });
    const counter = redis && (await RedisCounter.start({ host: redis.address, port: redis.port }));
    const bucket: Bucket = {
      endpoint: proxy.url,
      region: minio.region,
      name: subject,
      ...minio.credentials,
    };
    try {
      const running = await startSubject(subject, {
        bucket,
        redis: counter?.host,
        folder: scratch,
      });
      const shared = redis && counter && { server: redis, counter };
      return new Stage(subject, bucket, scratch, proxy, shared, running);
    } catch (error) {
      await Promise.all([proxy.stop(), counter?.stop()]);
      throw error;
    }
  }

  get api(): RegistryApi {
    return new CountedApi(this.running.url, () => (this.#requests += 1));
  }

  /** Another process, which knows nothing itself; with `forgetting` Redis does not either. */
  async restart({ forgetting }: { forgetting: boolean }): Promise<void> {
    await this.running.process.stop();
    if (forgetting) await this.redis?.server.command('flushall');
    const { bucket, folder } = this;
    this.running = await startSubject(this.subject, {
      bucket,
      redis: this.redis?.counter.host,
      folder,
    });
  }

  /** What is done after the answer counts too. */
  async count(action: () => Promise<void>): Promise<Tally> {
    await this.#quiet();
    // What was done to get here is to be of no help but for what is kept longer.
    await delay(momentOver);
    this.proxy.reset();
    this.redis?.counter.reset();
    this.#requests = 0;
    await action();
    await this.#quiet();
    return {
      ...this.#counted(),
      redis: this.redis?.counter.counts() ?? { commands: 0, roundTrips: 0 },
      requests: this.#requests,
    };
  }

  async close(): Promise<void> {
    await this.running.process.stop();
    await Promise.all([this.proxy.stop(), this.redis?.counter.stop()]);
  }

  #counted(): Pick<Tally, 'calls' | 'total'> {
    const { [onTimer]: _, ...calls } = this.proxy.traffic();
    const total = { requests: 0, sent: 0, received: 0 };
    for (const { requests, sent, received } of Object.values(calls)) {
      total.requests += requests;
      total.sent += sent;
      total.received += received;
    }
    return { calls, total };
  }

  /** Until nothing has been asked of anybody for a while. */
  async #quiet(): Promise<void> {
    for (let before = -1; ;) {
      const now = this.proxy.total().requests + (this.redis?.counter.counts().commands ?? 0);
      if (now === before) return;
      before = now;
      await delay(quietFor);
    }
  }
}

const quietFor = 250;

/** What replicas ask now and then, whatever clients do: whether their secrets agree. */
const onTimer = 'on a timer';

function nameOf(request: IncomingMessage): string {
  const isTimed = decodeURIComponent(request.url ?? '').includes('holdfast/v1/http-secrets/');
  return isTimed ? onTimer : s3Operation(request);
}

class CountedApi extends RegistryApi {
  constructor(
    url: string,
    private readonly counted: () => void,
  ) {
    super(url);
  }

  override send(...request: Parameters<RegistryApi['send']>): ReturnType<RegistryApi['send']> {
    this.counted();
    return super.send(...request);
  }
}
