import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { commandLine } from '../command-line.js';
import { freePort } from '../free-port.js';
import { until } from '../until.js';
import { RealServer, startAll } from './real-server.js';
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
    const ports = [await freePort(), await freePort(), await freePort()];
    const commands = await Promise.all(ports.map((port) => nodeCommand(folder, port)));
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

async function nodeCommand(folder: string, port: number): Promise<ServerCommand> {
  const name = `cluster-${port}`;
  await mkdir(join(folder, name), { recursive: true });
  const args = commandLine`--port ${port} --bind 127.0.0.1`;
  // The port of the bus would be this one's plus 10000, which may be taken or too high.
  args.push('--cluster-enabled', 'yes', '--cluster-port', String(await freePort()));
  args.push('--cluster-node-timeout', '2000');
  return { ...redisCommand(folder, name, args), ready: () => answersPing(['-p', String(port)]) };
}
