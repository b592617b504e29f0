import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { commandLine } from '../command-line.js';
import { until } from '../until.js';
import { freePorts, RealServer, startAll } from './real-server.js';
import { answersPing, redisCli, redisCommand } from './redis.js';
import type { ServerCommand, ServerProcess } from './server-process.js';

/** Three masters without replicas, which share the slots. */
export class RedisCluster extends RealServer {
  private constructor(
    readonly ports: readonly number[],
    processes: readonly ServerProcess[],
  ) {
    super(processes);
  }

  static async start(folder: string): Promise<RedisCluster> {
    const all = await freePorts(6);
    const ports = all.slice(0, 3);
    const commands = await Promise.all(
      ports.map((port, index) => nodeCommand(folder, port, all[3 + index] ?? 0)),
    );
    const cluster = new RedisCluster(ports, await startAll(commands));
    try {
      await cluster.#join();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** `127.0.0.1:PORT` of each node. */
  get hosts(): readonly string[] {
    return this.ports.map((port) => `127.0.0.1:${port}`);
  }

  async #join(): Promise<void> {
    const create = ['--cluster', 'create', ...this.hosts, '--cluster-replicas', '0'];
    await redisCli([], [...create, '--cluster-yes']);
    for (const port of this.ports) {
      await until(`node ${port} to be of the cluster`, async () =>
        (await redisCli(['-p', String(port)], ['cluster', 'info'])).includes('cluster_state:ok'),
      );
    }
  }
}

async function nodeCommand(folder: string, port: number, bus: number): Promise<ServerCommand> {
  const name = `cluster-${port}`;
  await mkdir(join(folder, name), { recursive: true });
  const args = commandLine`--port ${port} --bind 127.0.0.1`;
  // The port of the bus would be this one's plus 10000, which may be taken or too high.
  args.push('--cluster-enabled', 'yes', '--cluster-port', String(bus));
  args.push('--cluster-node-timeout', '2000');
  return { ...redisCommand(folder, name, args), ready: () => answersPing(['-p', String(port)]) };
}
