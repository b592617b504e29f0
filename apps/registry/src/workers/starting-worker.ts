import cluster, { type Worker } from 'node:cluster';
import { readFileSync } from 'node:fs';
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { environment } from '#config/environment.js';

import { type Accepted, isReport, type Order, type Report } from './messages.js';
import { availableCores } from './worker-count.js';

/** Beside this file, bundled as it is. */
const program = fileURLToPath(new URL('./worker-process.js', import.meta.url));
/**
 * A young generation of 2 MB: requests leave little behind that lives, and each process would keep 16 MB more for it. So small
 * a one is cleaned quicker than helping threads are woken: with them a small answer costs a tenth more. What outlives it
 * all the same, with hundreds of slow uploads, is collected before the heap is half as large again: V8 alone waits until it
 * has grown by 100 MB.
 */
const v8Options = [
  '--max-semi-space-size=2',
  '--no-parallel-scavenge',
  '--heap-growing-percent=40',
];

/** The start failed; `reasons` say why, one line each. */
export class WorkersFailed extends Error {
  override readonly name = 'WorkersFailed';
  constructor(readonly reasons: readonly string[]) {
    super(reasons.join('\n'));
  }
}

/** A worker that loads its program, and does nothing until it is told to begin. */
export class StartingWorker {
  private constructor(
    readonly worker: Worker,
    /** Rejects with {@link WorkersFailed}. */
    readonly listening: Promise<void>,
  ) {}

  static fork(): StartingWorker {
    cluster.setupPrimary({ exec: program, args: [], execArgv: v8Options });
    // Each version, architecture and choice of V8's options has its folder in the one that the variable names.
    const cache = getCompileCacheDir();
    const worker = cluster.fork(cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) });
    const listening = firstReport(worker);
    listening.catch(() => undefined); // Whoever awaits it is told.
    return new StartingWorker(worker, listening);
  }

  /**
   * The program takes longer to load than the configuration, so the first worker loads it meanwhile. Whether there will be
   * workers the configuration says; this is a guess, and a wrong one costs no more than a process that is dismissed.
   */
  static forkIfLikely(configPath: string | undefined): StartingWorker | undefined {
    if (availableCores() < 2 || wantsOneProcess(configPath)) return undefined;
    return StartingWorker.fork();
  }

  /** Answers requests, by this configuration. */
  begin(accepted: Accepted): void {
    if (this.worker.isConnected()) {
      this.worker.send({ kind: 'start', accepted } satisfies Order);
    }
  }

  dismiss(): void {
    this.worker.process.kill('SIGKILL');
  }
}

function wantsOneProcess(configPath: string | undefined): boolean {
  const { REGISTRY_HTTP_WORKERS: workers, REGISTRY_CONFIGURATION_PATH: path } = environment();
  if (workers !== undefined) return workers === '1';
  const file = configPath ?? path;
  try {
    return file !== undefined && /^\s+workers:\s*1\s*$/m.test(readFileSync(file, 'utf8'));
  } catch {
    return true; // Nothing will be started.
  }
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
