import cluster, { type Worker } from 'node:cluster';

import type { ConfigSource } from '#config/load-config.js';
import type { Log } from '#telemetry/log.js';

import { type Accepted, isReport, type Order } from './messages.js';
import { StartingWorker } from './starting-worker.js';

const firstPauseMs = 100;
const longestPauseMs = 30_000;
/** A worker that lived this long did not die of how it started. */
const healthyMs = 60_000;

/** Keeps `count` workers alive: starts them, replaces those that die, passes orders on. Loads nothing of the registry itself. */
export class Primary {
  readonly #log: Log;
  #accepted: Accepted;
  #stopping = false;
  #stopped: Promise<boolean> | undefined;
  #allFinished = true;
  #pauseMs = firstPauseMs;
  #whenEmpty: () => void = () => undefined;

  private constructor(source: ConfigSource | undefined, log: Log) {
    this.#accepted = { started: source, now: source };
    this.#log = log;
  }

  /**
   * @param source what the configuration is from.
   * @param first is one of them.
   * @throws {WorkersFailed} where a worker cannot start.
   */
  static async start(
    count: number,
    source: ConfigSource | undefined,
    log: Log,
    first = StartingWorker.fork(),
  ): Promise<Primary> {
    const primary = new Primary(source, log);
    try {
      const others = Array.from({ length: count - 1 }, () => StartingWorker.fork());
      await Promise.all([first, ...others].map((starting) => primary.#startFirst(starting)));
    } catch (error) {
      primary.#stopping = true;
      for (const worker of workers()) worker.process.kill('SIGKILL');
      throw error;
    }
    return primary;
  }

  /** All go by what was read now, those that are yet to be started too. */
  reload(now: ConfigSource | undefined): void {
    this.#accepted = { ...this.#accepted, now };
    this.#order({ kind: 'reload', accepted: this.#accepted });
  }

  /** Stops all; whether every request was finished. Called again: hurries. */
  stop(): Promise<boolean> {
    this.#stopping = true;
    this.#order({ kind: 'stop' });
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
    starting.begin(this.#accepted);
    await starting.listening;
    this.#adopt(starting);
  }

  #adopt({ worker, listening }: StartingWorker): void {
    const born = performance.now();
    let listened = false;
    void listening.then(
      () => (listened = true),
      () => undefined,
    );
    worker.on('message', (message: unknown) => {
      if (isReport(message) && message.kind === 'stopped') this.#allFinished &&= message.finished;
    });
    worker.once('exit', (code, signal) => {
      if (this.#stopping) {
        if (signal && listened) this.#allFinished = false;
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
      const starting = StartingWorker.fork();
      starting.begin(this.#accepted);
      this.#adopt(starting);
      starting.listening.catch((error: unknown) => {
        this.#log.error({ error: String(error) }, 'a worker does not start');
      });
    }, pauseMs);
  }
}

function workers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}
