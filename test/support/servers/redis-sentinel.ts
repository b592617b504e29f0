import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { commandLine } from '../command-line.js';
import { until } from '../until.js';
import { freePorts, RealServer, startAll } from './real-server.js';
import { answersPing, redisCli, redisCommand } from './redis.js';
import { type ServerCommand, type ServerProcess, serverEnvironment } from './server-process.js';

/** One master, two replicas and three sentinels that choose another master when it has been gone for a second. */
export class RedisSentinel extends RealServer {
  readonly masterName = 'mymaster';

  private constructor(
    private readonly servers: readonly Node[],
    private readonly sentinels: readonly Node[],
  ) {
    super([...servers, ...sentinels].map(({ process }) => process));
  }

  static async start(folder: string): Promise<RedisSentinel> {
    const ports = await freePorts(6);
    const [first = 0] = ports;
    const servers = await startNodes(ports.slice(0, 3), (port) =>
      serverCommand(folder, port, first),
    );
    const sentinels: Node[] = [];
    try {
      // A sentinel that finds no replicas at its first look takes ten seconds to the next.
      await inStep(first);
      sentinels.push(
        ...(await startNodes(ports.slice(3), (port) => sentinelCommand(folder, port, first))),
      );
      for (const { port } of sentinels) await knowsTheOthers(port);
      return new RedisSentinel(servers, sentinels);
    } catch (error) {
      for (const { process } of [...servers, ...sentinels]) await process.stop();
      throw error;
    }
  }

  /** `127.0.0.1:PORT` of each sentinel. */
  get hosts(): readonly string[] {
    return this.sentinels.map(({ port }) => `127.0.0.1:${port}`);
  }

  /** The port of the master, as the first sentinel that runs knows it. */
  async master(): Promise<number> {
    const sentinel = this.sentinels.find(({ process }) => process.running);
    const answer = await cli(sentinel?.port ?? 0, 'sentinel get-master-addr-by-name mymaster');
    return Number(answer.split('\n')[1]);
  }

  /** Ends the master and waits until the sentinels have another; returns the process that was killed. */
  async failOver(): Promise<ServerProcess> {
    const old = await this.master();
    const node = this.servers.find(({ port }) => port === old);
    if (node === undefined) throw new Error(`no server of this set has port ${old}`);
    await node.process.kill();
    await until('another master', async () => (await this.master()) !== old);
    return node.process;
  }
}

interface Node {
  readonly port: number;
  readonly process: ServerProcess;
}

async function startNodes(
  ports: readonly number[],
  command: (port: number) => Promise<ServerCommand>,
): Promise<readonly Node[]> {
  const processes = await startAll(await Promise.all(ports.map(command)));
  return processes.map((process, index) => ({ process, port: ports[index] ?? 0 }));
}

/** Both replicas have had their first copy: a failover would promote an empty one. */
async function inStep(master: number): Promise<void> {
  await until('two replicas in step', async () => {
    const replication = await cli(master, 'info replication');
    return replication.match(/state=online/g)?.length === 2;
  });
}

async function knowsTheOthers(sentinel: number): Promise<void> {
  await until(`sentinel ${sentinel} to know the other two`, async () =>
    (await cli(sentinel, 'sentinel ckquorum mymaster')).startsWith('OK 3 '),
  );
  await until(`sentinel ${sentinel} to know the replicas`, async () =>
    /^num-slaves\n2$/m.test(await cli(sentinel, 'sentinel master mymaster')),
  );
}

async function serverCommand(folder: string, port: number, first: number): Promise<ServerCommand> {
  const name = `redis-${port}`;
  await mkdir(join(folder, name), { recursive: true });
  const args = commandLine`--port ${port} --bind 127.0.0.1`;
  // Otherwise it waits 5 s for more replicas before it sends the first copy.
  args.push('--repl-diskless-sync-delay', '0');
  if (port !== first) args.push('--replicaof', `127.0.0.1 ${first}`);
  return { ...redisCommand(folder, name, args), ready: () => answersPing(['-p', String(port)]) };
}

async function sentinelCommand(
  folder: string,
  port: number,
  first: number,
): Promise<ServerCommand> {
  const own = join(folder, `sentinel-${port}`);
  await mkdir(own, { recursive: true });
  const file = join(own, 'sentinel.conf');
  await writeFile(
    file,
    `port ${port}
bind 127.0.0.1
dir ${own}
sentinel monitor mymaster 127.0.0.1 ${first} 2
sentinel down-after-milliseconds mymaster 1000
sentinel failover-timeout mymaster 3000
`,
  );
  return {
    program: 'redis-server',
    args: [file, '--sentinel'],
    env: serverEnvironment(),
    log: `${own}.log`,
    ready: () => answersPing(['-p', String(port)]),
  };
}

function cli(port: number, line: string): Promise<string> {
  return redisCli(['-p', String(port)], line.split(' '));
}
