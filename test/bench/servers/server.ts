import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { createServer, connect, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { ProcessTree } from '../processes.js';

export const serverNames = [
  'holdfast-1',
  'holdfast-2',
  'distribution',
  'docker-registry',
  'nginx',
] as const;
export type ServerName = (typeof serverNames)[number];

/** Where a server keeps its content if not in a folder. */
export interface Bucket {
  /** `http://ADDRESS:PORT` */
  readonly endpoint: string;
  readonly region: string;
  readonly name: string;
  readonly accessKey: string;
  readonly secretKey: string;
}

export interface Setting {
  /** Where the server keeps its content. */
  readonly root: string;
  /** In place of the root. */
  readonly bucket?: Bucket | undefined;
  /** Where its configuration and log go. */
  readonly scratch: string;
  readonly htpasswd?: string;
  /** Folders of version 1 control groups that the process joins before it starts. */
  readonly controlGroups?: readonly string[];
}

export interface Command {
  readonly program: string;
  readonly arguments: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** A server that answers. */
export class RunningServer {
  readonly tree: ProcessTree;

  private constructor(
    readonly name: ServerName,
    readonly address: string,
    private readonly child: ChildProcess,
    readonly secondsToAnswer: number,
  ) {
    if (child.pid === undefined) throw new Error(`${name} has no process`);
    this.tree = new ProcessTree(child.pid);
  }

  static async start(
    name: ServerName,
    port: number,
    command: Command,
    setting: Setting,
  ): Promise<RunningServer> {
    mkdirSync(setting.scratch, { recursive: true });
    const logPath = `${setting.scratch}/${name}.log`;
    const log = openSync(logPath, 'w');
    const join = (setting.controlGroups ?? [])
      .map((folder) => `echo $$ > ${folder}/cgroup.procs; `)
      .join('');
    const begin = performance.now();
    const child =
      join === ''
        ? spawn(command.program, command.arguments, {
            stdio: ['ignore', log, log],
            env: { ...process.env, ...command.environment },
          })
        : spawn('/bin/sh', ['-c', `${join}exec "$0" "$@"`, command.program, ...command.arguments], {
            stdio: ['ignore', log, log],
            env: { ...process.env, ...command.environment },
          });
    closeSync(log);
    const path = name === 'nginx' ? '/ready' : '/v2/';
    while (!(await answers(port, path))) {
      if (child.exitCode !== null || performance.now() - begin > 30_000) {
        child.kill('SIGKILL');
        throw new Error(`${name} does not answer:\n${readFileSync(logPath, 'utf8').slice(-2000)}`);
      }
      await delay(1);
    }
    return new RunningServer(name, `127.0.0.1:${port}`, child, (performance.now() - begin) / 1000);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const family = this.tree.pids();
    const exited = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    const inTime = await Promise.race([exited.then(() => true), delay(2000, false)]);
    if (inTime) return;
    for (const pid of family) killQuietly(pid);
    await exited;
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** Whether the server answers anything but an error of its own: 401 counts. */
function answers(port: number, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(false));
    socket.on('connect', () =>
      socket.write(`GET ${path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n`),
    );
    socket.on('data', (data) => {
      resolve(/^HTTP\/1\.1 [24]/.test(data.toString('latin1')));
      socket.destroy();
    });
  });
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
