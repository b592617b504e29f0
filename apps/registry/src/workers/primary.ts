import cluster, { type Worker } from 'node:cluster';
import { getCompileCacheDir } from 'node:module';
import { fileURLToPath } from 'node:url';

import type { Log } from '#telemetry/log.js';

import { isReport, type Order, type Report } from './messages.js';

const program = fileURLToPath(new URL('../worker-process.js', import.meta.url));
/**
 * A young generation of 2 MB: requests leave little behind that lives, and each process would keep 16 MB more for it. So small
 * a one is cleaned quicker than helping threads are woken: with them a small answer costs a tenth more.
 */
const v8Options = ['--max-semi-space-size=2', '--no-parallel-scavenge'];
const firstPauseMs = 100;
const longestPauseMs = 30_000;
/** A worker that lived this long did not die of how it started. */
const healthyMs = 60_000;

/** The start failed; `reasons` say why, one line each. */
export class WorkersFailed extends Error {
  override readonly name = 'WorkersFailed';
  constructor(readonly reasons: readonly string[]) {
    super(reasons.join('\n'));
  }
}

/** Keeps `count` workers alive: starts them, replaces those that die, passes orders on. Loads nothing of the registry itself. */
export class Primary {
  readonly #log: Log;
  #stopping = false;
  #stopped: Promise<boolean> | undefined;
  #allFinished = true;
  #pauseMs = firstPauseMs;
  #whenEmpty: () => void = () => undefined;

  private constructor(log: Log) {
    this.#log = log;
  }

  /** @throws {WorkersFailed} where a worker cannot start. */
  static async start(count: number, configPath: string | undefined, log: Log): Promise<Primary> {
    cluster.setupPrimary({ exec: program, args: [configPath ?? ''], execArgv: v8Options });
    const primary = new Primary(log);
    try {
      await Promise.all(Array.from({ length: count }, () => primary.#startFirst()));
    } catch (error) {
      primary.#stopping = true;
      for (const worker of workers()) worker.process.kill('SIGKILL');
      throw error;
    }
    return primary;
  }

  reload(): void {
    this.#order('reload');
  }

  /** Stops all; whether every request was finished. Called again: hurries. */
  stop(): Promise<boolean> {
    this.#stopping = true;
    this.#order('stop');
    return (this.#stopped ??= new Promise((resolve) => {
      this.#whenEmpty = () => {
        if (workers().length === 0) resolve(this.#allFinished);
      };
      this.#whenEmpty();
    }));
  }

  #order(order: Order): void {
    for (const worker of workers()) {
      if (worker.isConnected()) worker.send(order);
    }
  }

  /** From the moment that it listens it is replaced when it dies, whatever the others are doing. */
  async #startFirst(): Promise<void> {
    const worker = fork();
    await firstReport(worker);
    this.#adopt(worker);
  }

  #adopt(worker: Worker): void {
    const born = performance.now();
    worker.on('message', (message: unknown) => {
      if (isReport(message) && message.kind === 'stopped') this.#allFinished &&= message.finished;
    });
    worker.once('exit', (code, signal) => {
      if (this.#stopping) {
        if (signal) this.#allFinished = false;
        this.#whenEmpty();
        return;
      }
      if (performance.now() - born > healthyMs) this.#pauseMs = firstPauseMs;
      this.#replace(worker.process.pid, code, signal);
    });
  }

  #replace(pid: number | undefined, code: number, signal: string | null): void {
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    this.#log.error({ pid, code, signal, pauseMs }, 'a worker died; another takes its place');
    setTimeout(() => {
      if (this.#stopping) return;
      const worker = fork();
      this.#adopt(worker);
      firstReport(worker).catch((error: unknown) => {
        this.#log.error({ error: String(error) }, 'a worker does not start');
      });
    }, pauseMs);
  }
}

function fork(): Worker {
  const cache = getCompileCacheDir();
  return cluster.fork(cache === undefined ? {} : { NODE_COMPILE_CACHE: cache });
}

function workers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}

/** Resolves when the worker listens. */
function firstReport(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown) => {
      if (isReport(message)) settle(message);
    };
    const onExit = (code: number, signal: string | null) =>
      reject(new WorkersFailed([`a worker ended with ${signal ?? code} before it listened`]));
    const settle = (report: Report) => {
      worker.off('message', onMessage).off('exit', onExit);
      if (report.kind === 'failed') reject(new WorkersFailed(report.reasons));
      else resolve();
    };
    worker.on('message', onMessage).once('exit', onExit);
  });
}
