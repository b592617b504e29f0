import { setTimeout as delay } from 'node:timers/promises';

import { Cluster, type ClusterOptions } from '../cluster/support/cluster.js';
import { FaultProxy } from '../support/proxies/fault-proxy.js';
import { TcpFaultProxy } from '../support/proxies/tcp-fault-proxy.js';
import { until } from '../support/until.js';
import { checkHistory } from './check.js';
import { Client, World } from './client.js';
import { lookAtAll, scrub } from './final-look.js';
import { type Anomaly, History, type Outcome } from './history.js';
import { type Lines, Nemesis } from './nemesis.js';

export interface ChaosOptions {
  readonly seed: number;
  /** Milliseconds with faults. */
  readonly duration: number;
  readonly clients?: number;
  /** Where the history goes, line by line. */
  readonly file?: string;
  readonly cluster?: Pick<ClusterOptions, 'change' | 'main' | 'ready'>;
  readonly withFaults?: boolean;
  /** Everybody meets at one tag of one repository. */
  readonly narrow?: boolean;
}

export interface ChaosReport {
  readonly seed: number;
  readonly seconds: number;
  /** By kind and outcome. */
  readonly acts: Readonly<Record<string, Readonly<Record<Outcome, number>>>>;
  readonly faults: Readonly<Record<string, number>>;
  readonly resumed: number;
  readonly registers: number;
  readonly looks: number;
  readonly scrubbed: { readonly objects: number; readonly bytes: number };
  readonly anomalies: readonly Anomaly[];
}

/** Clients work on a cluster while a nemesis breaks it; then everything is looked at, and the history is checked. */
export async function runChaos({
  seed,
  duration,
  clients: count = 6,
  file,
  cluster: clusterOptions = {},
  withFaults = true,
  narrow = false,
}: ChaosOptions): Promise<ChaosReport> {
  const history = new History(file);
  const lines: Lines[] = [];
  const cluster = await Cluster.start({
    ...clusterOptions,
    via: async ({ storage, redis, replica }) => {
      const line = {
        storage: await FaultProxy.start(storage, { seed: seed + replica }),
        redis: await TcpFaultProxy.start(redis),
      };
      lines.push(line);
      return { storage: line.storage.host, redis: line.redis.host };
    },
  });
  try {
    const world = new World(cluster.url, history, { narrow });
    const clients = Array.from({ length: count }, (_, index) => new Client(index, world, seed));
    const began = history.now;
    const over = () => history.now - began > duration;
    const nemesis = new Nemesis({ cluster, lines, history, seed, longest: 2500 });
    const broken = withFaults ? nemesis.run(over) : delay(duration);
    let mended = false;
    const working = clients.map((client) => client.run(() => mended && over()));
    await broken;
    mended = true;
    await Promise.all(working);
    await whole(cluster);
    const { answers } = await lookAtAll(world, cluster, new Client(count, world, seed));
    const scrubbed = await scrub(world, cluster);
    const { registers } = checkHistory(history);
    return {
      seed,
      seconds: Math.round((history.now - began) / 1000),
      acts: counted(history),
      faults: countedBy(history.faults.map(({ name }) => name)),
      resumed: clients.reduce((sum, { resumed }) => sum + resumed, 0),
      registers,
      looks: answers,
      scrubbed,
      anomalies: history.anomalies,
    };
  } finally {
    await history.close();
    await cluster.stop();
    for (const { storage, redis } of lines) {
      await storage.stop();
      await redis.stop();
    }
  }
}

async function whole(cluster: Cluster): Promise<void> {
  for (const replica of cluster.replicas) {
    await until(`${replica.name} to be ready`, () => replica.isReady(), { timeoutMs: 60_000 });
  }
  await cluster.balancer.settled(cluster.replicas.length);
}

function counted({ acts }: History): ChaosReport['acts'] {
  const counts: Record<string, Record<Outcome, number>> = {};
  for (const { name, outcome } of acts) {
    const of = (counts[name] ??= { ok: 0, fail: 0, unknown: 0 });
    of[outcome]++;
  }
  return counts;
}

function countedBy(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
