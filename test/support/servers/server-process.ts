import { closeSync, openSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { basename } from 'node:path';

import { component } from '../../components/component.js';
import { type ProcessOptions, RunningProcess } from '../process.js';

export interface ServerCommand extends ProcessOptions {
  /** A component's name; see `component`. */
  readonly program: string;
  readonly args: readonly string[];
  /** What it writes is added here while it runs. */
  readonly log: string;
  /** Whether it serves; asked again until it does. */
  readonly ready: () => Promise<boolean>;
}

/** One program of a server, which can be broken and mended: its command stays the same, and so do its port and its data. */
export class ServerProcess {
  private constructor(
    private readonly path: string,
    private readonly command: ServerCommand,
    private current: RunningProcess,
  ) {}

  static async start(command: ServerCommand): Promise<ServerProcess> {
    const path = component(command.program);
    if (path === undefined) {
      throw new Error(`${command.program} is not installed: run test/components/install`);
    }
    return new ServerProcess(path, command, await launch(path, command));
  }

  get name(): string {
    return basename(this.path);
  }

  get pid(): number {
    return this.current.pid;
  }

  get running(): boolean {
    return this.current.running;
  }

  /** What it has written since it was started last. */
  get output(): string {
    return this.current.output;
  }

  /** Waits as `RunningProcess.waitUntil` does. */
  waitUntil<T>(what: string, condition: () => Promise<T | false>, timeoutMs?: number): Promise<T> {
    return this.current.waitUntil(what, condition, timeoutMs);
  }

  /** Ends it in its own way. */
  async stop(): Promise<void> {
    this.resume();
    await this.current.stop();
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    if (this.running) this.current.signal('SIGKILL');
    await this.current.exited;
  }

  /** It keeps its connections and answers nobody. */
  pause(): void {
    if (this.running) this.current.signal('SIGSTOP');
  }

  resume(): void {
    if (this.running) this.current.signal('SIGCONT');
  }

  /** Starts again what was stopped or killed, and waits until it serves. */
  async restart(): Promise<void> {
    await this.stop();
    this.current = await launch(this.path, this.command);
  }
}

async function launch(path: string, command: ServerCommand): Promise<RunningProcess> {
  const { args, log, ready, program, ...options } = command;
  const child = await RunningProcess.start(path, args, options);
  keepLog(child, log);
  try {
    await child.waitUntil(`${program} to serve`, ready);
    return child;
  } catch (error) {
    await child.stop();
    throw error;
  }
}

function keepLog(child: RunningProcess, file: string): void {
  const log = openSync(file, 'a');
  child.onOutput((text) => writeSync(log, text));
  void child.exited.then(() => closeSync(log));
}

/** The environment of a server: nothing of the tests' own but where programs are. */
export function serverEnvironment(
  settings: Readonly<Record<string, string>> = {},
): NodeJS.ProcessEnv {
  return { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', ...settings };
}

/** Whether a GET is answered with 2xx. */
export async function answersOk(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2000) })).ok;
  } catch {
    return false;
  }
}

export function listens(port: number, address = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, address);
    socket.on('error', () => resolve(false));
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
