import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { until } from './until.js';

export interface ProcessOptions {
  readonly cwd?: string;
  /** The whole environment; what the tests themselves run in when absent. */
  readonly env?: NodeJS.ProcessEnv;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** How much of what a process wrote is kept, its end first. */
const keptOutput = 1024 * 1024;
const setpriv = '/usr/bin/setpriv';

/** A child process that does not outlive the test that started it. */
export class RunningProcess {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  #output = '';

  private constructor(
    private readonly command: string,
    private readonly child: ChildProcess,
  ) {
    if (child.pid === undefined) throw new Error(`${command} has no process`);
    this.pid = child.pid;
    this.exited = once(child, 'close').then(() => ({
      code: child.exitCode,
      signal: child.signalCode,
    }));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-keptOutput);
      });
    }
  }

  static async start(
    command: string,
    args: readonly string[],
    options: ProcessOptions = {},
  ): Promise<RunningProcess> {
    // Where Linux offers it, the kernel ends the child should the test runner itself be killed.
    const guarded = existsSync(setpriv);
    const child = spawn(
      guarded ? setpriv : command,
      guarded ? ['--pdeathsig', 'KILL', command, ...args] : args,
      { ...options, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    await once(child, 'spawn');
    return new RunningProcess(command, child);
  }

  /** Standard output and standard error as they came. */
  get output(): string {
    return this.#output;
  }

  /** Calls back with what it writes from now on. */
  onOutput(listener: (text: string) => void): void {
    for (const stream of [this.child.stdout, this.child.stderr]) stream?.on('data', listener);
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async waitForLine(pattern: RegExp, timeoutMs = 30_000): Promise<string> {
    return this.waitUntil(
      `a line like ${pattern.source}`,
      () => Promise.resolve(this.#output.split('\n').find((line) => pattern.test(line)) ?? false),
      timeoutMs,
    );
  }

  async waitForPort(port: number, timeoutMs = 30_000): Promise<void> {
    await this.waitUntil(`port ${port}`, () => listens(port), timeoutMs);
  }

  /** Waits until `condition` holds; fails at once when the process ends, and shows what it wrote. */
  async waitUntil<T>(
    what: string,
    condition: () => Promise<T | false>,
    timeoutMs = 30_000,
  ): Promise<T> {
    try {
      return await until(what, condition, { timeoutMs, stop: () => !this.running });
    } catch (error) {
      const state = this.running ? 'runs' : `ended with ${JSON.stringify(await this.exited)}`;
      throw new Error(`${this.command} ${state}: ${this.#output.slice(-4000)}`, { cause: error });
    }
  }

  /** Asks it to end, and kills it when it has not after `boundMs`. */
  async stop(boundMs = 10_000): Promise<Exit> {
    if (this.running) this.child.kill('SIGTERM');
    const timer = new AbortController();
    const late = delay(boundMs, true, { signal: timer.signal }).catch(() => false);
    if (await Promise.race([late, this.exited.then(() => false)])) this.child.kill('SIGKILL');
    timer.abort();
    return this.exited;
  }
}

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions extends ProcessOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
}

/** Runs a program to its end, whatever its exit code. */
export function tryRun(
  command: string,
  args: readonly string[],
  { input, timeoutMs = 120_000, ...options }: RunOptions = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      args,
      { ...options, timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (child.exitCode === null) {
          reject(
            new Error(`${command} did not end by itself: ${stdout}${stderr}`, { cause: error }),
          );
        } else resolve({ code: child.exitCode, stdout, stderr });
      },
    );
    child.stdin?.on('error', () => undefined).end(input);
  });
}

/** Runs a program that must succeed, and gives its standard output. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await tryRun(command, args, options);
  if (code !== 0) {
    throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
  }
  return stdout;
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}
