import { ConfigError } from '#config/config-error.js';
import { diffReload } from '#config/reload.js';
import { ProcessLog } from '#telemetry/create-log.js';

import type { Config } from './config.js';
import type { ProcessReports } from './health/process-reports.js';
import { listenAddress, removeStaleSocket } from './http/listen-address.js';
import { readSecretFile } from './http/secret-file.js';
import { type LoadedRegistryConfig, loadRegistryConfig } from './load-config.js';
import { banner } from './workers/banner.js';
import { reasons } from './workers/reasons.js';
import { Signals } from './workers/signals.js';
import { sizeThreads } from './workers/size-threads.js';
import type { StartingWorker } from './workers/starting-worker.js';
import { workerCount } from './workers/worker-count.js';

interface Running {
  reload(next: LoadedRegistryConfig): void;
  stop(): Promise<boolean>;
}

/**
 * Runs the registry until the process is told to stop.
 * @param early a worker that was started on suspicion.
 */
export async function serve(loaded: LoadedRegistryConfig, early?: StartingWorker): Promise<void> {
  const signals = new Signals();
  const { config, warnings } = loaded;
  sizeThreads(config);
  const log = ProcessLog.create(config.log);
  for (const warning of warnings) log.warn({ warning }, 'configuration');
  await removeStaleSocket(listenAddress(config.http), 'http.addr');
  const workers = workerCount(config);
  if (workers === 1) early?.dismiss();
  const running = await (workers === 1
    ? startAlone(loaded, log)
    : startWorkers(loaded, { workers, early }, log));
  announce(loaded, workers, log);
  const orders = await orderCertificates(config, log);

  let current = Promise.resolve(loaded);
  const read = async (before: LoadedRegistryConfig) =>
    reload({ started: loaded, current: before }, running, log);
  const finished = await signals.obeyWith({
    reload: () => void (current = current.then(read)),
    stop: () => {
      orders?.stop();
      return running.stop();
    },
  });
  log.info({ finished }, 'stopped');
  log.flush();
  // Timers and sockets of libraries must not keep a process that is done.
  process.exit(finished ? 0 : 1);
}

/** Nothing of the registry is loaded before it is known that this process answers itself. */
async function startAlone({ config }: LoadedRegistryConfig, log: ProcessLog): Promise<Running> {
  const { OwnReports } = await import('./health/process-reports.js');
  const { RegistryProcess } = await import('./workers/registry-process.js');
  const reports = new OwnReports();
  await serveDebugAddress(config, reports, log);
  const registry = await RegistryProcess.start(config, log);
  reports.begin(registry.reporter);
  return {
    reload: (next) => void registry.reload(next.config),
    stop: () => registry.stop(),
  };
}

async function startWorkers(
  { config, source }: LoadedRegistryConfig,
  { workers, early }: { workers: number; early: StartingWorker | undefined },
  log: ProcessLog,
): Promise<Running> {
  const { WorkerReports } = await import('./health/worker-reports.js');
  const { Primary } = await import('./workers/primary.js');
  const { WorkersFailed } = await import('./workers/starting-worker.js');
  await serveDebugAddress(config, new WorkerReports(), log);
  try {
    const primary = await Primary.start(workers, source, log, early);
    return {
      reload: (next) => {
        log.level = next.config.log.level;
        primary.reload(next.source);
      },
      stop: () => primary.stop(),
    };
  } catch (error) {
    if (error instanceof WorkersFailed) throw new ConfigError([...new Set(error.reasons)]);
    throw error;
  }
}

/** Before anything else, so that it tells what the start waits for. */
async function serveDebugAddress(
  { http }: Config,
  reports: ProcessReports,
  log: ProcessLog,
): Promise<void> {
  if (http.debug.addr === undefined) return;
  const { startDebugServer } = await import('./health/debug-server.js');
  await startDebugServer(http.debug, reports, log);
}

/** Once something answers, because the service asks back. */
async function orderCertificates({ http }: Config, log: ProcessLog) {
  const { letsencrypt } = http.tls;
  if (letsencrypt.cachefile === undefined) return undefined;
  const { CertificateFolder } = await import('./http/acme/certificate-folder.js');
  const { CertificateOrders } = await import('./http/acme/certificate-orders.js');
  const folder = await CertificateFolder.open(letsencrypt.cachefile);
  const orders = new CertificateOrders(letsencrypt, folder, log);
  void orders.run();
  return orders;
}

function announce({ config, path }: LoadedRegistryConfig, workers: number, log: ProcessLog): void {
  const { http, storage, auth } = config;
  const fields = { addr: http.addr, workers, storage: storage.driver.driver, auth: auth.scheme };
  log.info({ ...fields, configuration: path ?? 'defaults and environment' }, 'serving');
  // A collector gets the event; a person gets words.
  if (config.log.formatter === 'text') {
    log.flush();
    process.stdout.write(`\n${banner(config, workers).join('\n')}\n\n`);
  }
}

/** What applies from now on: the old configuration where the new one cannot be used. */
async function reload(
  { started, current }: Record<'started' | 'current', LoadedRegistryConfig>,
  running: Running,
  log: ProcessLog,
): Promise<LoadedRegistryConfig> {
  try {
    const next = loadRegistryConfig({ path: current.path });
    const { secretfile } = next.config.http;
    // Once it is in use a file that cannot be used leaves the secrets of before in use, each time that it changes.
    if (secretfile !== undefined && secretfile !== current.config.http.secretfile) {
      await readSecretFile(secretfile);
    }
    for (const warning of next.warnings) {
      if (!current.warnings.includes(warning)) log.warn({ warning }, 'configuration');
    }
    const { live } = diffReload(current, next);
    const { needRestart } = diffReload(started, next);
    log.info({ changed: live }, 'configuration read again; certificates and accounts too');
    if (needRestart.length > 0) log.warn({ keys: needRestart }, 'these keys need a restart');
    running.reload(next);
    return next;
  } catch (error) {
    log.error({ problems: reasons(error) }, 'new configuration cannot be used; the old one stays');
    return current;
  }
}
