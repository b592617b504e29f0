import { setTimeout as delay } from 'node:timers/promises';

import { Seeded } from '#storage/testing/seeded.js';

import type { Cluster } from '../cluster/support/cluster.js';
import type { Replica } from '../cluster/support/replica.js';
import type { FaultProxy } from '../support/proxies/fault-proxy.js';
import type { Fault } from '../support/proxies/fault.js';
import { internalError, slowDown } from '../support/proxies/fault.js';
import type { TcpFaultProxy } from '../support/proxies/tcp-fault-proxy.js';
import type { History } from './history.js';

/** What stands before the servers of one replica. */
export interface Lines {
  readonly storage: FaultProxy;
  readonly redis: TcpFaultProxy;
}

export interface NemesisOptions {
  readonly cluster: Cluster;
  readonly lines: readonly Lines[];
  readonly history: History;
  readonly seed: number;
  /** Milliseconds that a fault lasts at most. */
  readonly longest: number;
}

/** Breaks one thing after another, by its seed, and mends each: at the end all is whole. */
export class Nemesis {
  readonly #random: Seeded;
  readonly #faults: Readonly<Record<string, () => Promise<void>>>;

  constructor(private readonly options: NemesisOptions) {
    this.#random = new Seeded(options.seed);
    this.#faults = {
      'kill a replica': () => this.#killReplica(),
      'stop a replica for a while': () => this.#pauseReplica(),
      'drain a replica': () => this.#drainReplica(),
      'part a replica from the storage': () => this.#partStorage(),
      'part a replica from Redis': () => this.#partRedis(),
      'kill Redis': () => this.#killRedis(),
      'flush Redis': async () => void (await options.cluster.redis.command('flushall')),
      'stop Redis for a while': () => this.#pauseRedis(),
      'throttle the storage': () => this.#disturb(slowDown, 0.2),
      'break the storage': () => this.#disturb(internalError, 0.1),
      'lose answers of the storage': () => this.#disturb({ kind: 'lost-answer' }, 0.1),
      'cut answers of the storage': () =>
        this.#disturb({ kind: 'cut', direction: 'answer', afterBytes: [0, 5000] }, 0.1),
      'truncate answers of the storage': () =>
        this.#disturb({ kind: 'truncate', bytes: [1, 50] }, 0.05),
      'slow the storage down': () => this.#disturb({ kind: 'latency', ms: [50, 400] }, 1),
    };
  }

  async run(until: () => boolean): Promise<void> {
    while (!until()) {
      const [name, fault] = this.#random.pick(Object.entries(this.#faults));
      this.options.history.fault(name);
      await fault();
      await delay(300 + this.#random.below(1500));
    }
  }

  #anyReplica(): Replica {
    return this.#random.pick(this.options.cluster.replicas);
  }

  #aWhile(): Promise<void> {
    return delay(200 + this.#random.below(this.options.longest));
  }

  async #killReplica(): Promise<void> {
    const replica = this.#anyReplica();
    await replica.kill();
    await this.#aWhile();
    await replica.start();
  }

  async #pauseReplica(): Promise<void> {
    const replica = this.#anyReplica();
    replica.pause();
    await this.#aWhile();
    replica.resume();
  }

  async #drainReplica(): Promise<void> {
    const replica = this.#anyReplica();
    await replica.stop();
    await replica.start();
  }

  async #partStorage(): Promise<void> {
    const { storage } = this.#random.pick(this.options.lines);
    const rule = storage.add({ fault: { kind: 'hang' } });
    await this.#aWhile();
    storage.remove(rule);
    storage.cut();
  }

  async #partRedis(): Promise<void> {
    const { redis } = this.#random.pick(this.options.lines);
    redis.pause();
    await this.#aWhile();
    redis.resume();
  }

  async #killRedis(): Promise<void> {
    const { redis } = this.options.cluster;
    await redis.kill();
    await this.#aWhile();
    await redis.restart();
  }

  async #pauseRedis(): Promise<void> {
    const { redis } = this.options.cluster;
    redis.pause();
    await this.#aWhile();
    redis.resume();
  }

  async #disturb(fault: Fault, chance: number): Promise<void> {
    const rules = this.options.lines.map(({ storage }) => storage.add({ fault, chance }));
    await this.#aWhile();
    this.options.lines.forEach(({ storage }, index) => {
      const rule = rules[index];
      if (rule !== undefined) storage.remove(rule);
    });
  }
}
