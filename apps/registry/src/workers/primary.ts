import cluster, { type Worker } from 'node:cluster';

import type { Log } from '#telemetry/log.js';

import { isReport, type Order } from './messages.js';
import { StartingWorker } from './starting-worker.js';

const firstPauseMs = 100;
const longestPauseMs = 30_000;
/** A worker that lived this long did not die of how it started. */
const healthyMs = 60_000;

/** Keeps `count` workers alive: starts them, replaces those that die, passes orders on. Loads nothing of the registry itself. */
export class Primary {
  readonly #log: Log;
  #stopping = false;
  #stopped: Promise<boolean> | undefined;
  #allFinished = true;
  #pauseMs = firstPauseMs;
  #whenEmpty: () => void = () => undefined;

  private constructor(
    private readonly configPath: string | undefined,
    log: Log,
  ) {
    this.#log = log;
  }

  /**
   * @param first is one of them.
   * @throws {WorkersFailed} where a worker cannot start.
   */
  static async start(
    count: number,
    configPath: string | undefined,
    log: Log,
    first = StartingWorker.fork(configPath),
  ): Promise<Primary> {
    const primary = new Primary(configPath, log);
    try {
      const others = Array.from({ length: count - 1 }, () => StartingWorker.fork(configPath));
      await Promise.all([first, ...others].map((starting) => primary.#startFirst(starting)));
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
  async #startFirst(starting: StartingWorker): Promise<void> {
    starting.begin();
    await starting.listening;
    this.#adopt(starting.worker);
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
      const starting = StartingWorker.fork(this.configPath);
      starting.begin();
      this.#adopt(starting.worker);
      starting.listening.catch((error: unknown) => {
        this.#log.error({ error: String(error) }, 'a worker does not start');
      });
    }, pauseMs);
  }
}

function workers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}
