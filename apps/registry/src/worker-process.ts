import { isOrder, type Order, type Report } from './workers/messages.js';
import type { RegistryProcess } from './workers/registry-process.js';

/** A worker of `http.workers`: started by the primary with the path of the configuration, obeys it, ends with it. */
const path = process.argv[2] || undefined;
let registry: RegistryProcess | undefined;
const begun = Promise.withResolvers<void>();

// Before anything else is loaded: an order that nobody listens for is lost.
process.on('message', (message) => {
  if (isOrder(message)) obey(message);
});
// A terminal, a service manager or a container's init may send it to every process of the group; the primary decides.
process.on('SIGINT', () => undefined);
process.on('SIGHUP', () => undefined);
process.on('SIGTERM', () => {
  if (!process.connected) void stop();
});
// Without the primary nobody accepts connections for us.
process.on('disconnect', () => void stop());

await start();

async function start(): Promise<void> {
  try {
    const [{ ProcessLog }, { answerPrimary }, { loadRegistryConfig }, { sizeThreads }, loaded] =
      await Promise.all([
        import('#telemetry/create-log.js'),
        import('./health/worker-reports.js'),
        import('./load-config.js'),
        import('./workers/size-threads.js'),
        import('./workers/registry-process.js'),
      ]);
    await begun.promise;
    const { config } = loadRegistryConfig({ path });
    sizeThreads(config);
    const log = ProcessLog.create(config.log).child({ worker: process.pid });
    registry = await loaded.RegistryProcess.start(config, log);
    answerPrimary(registry.reporter);
    report({ kind: 'listening' });
  } catch (error) {
    const { reasons } = await import('./workers/reasons.js');
    report({ kind: 'failed', reasons: reasons(error) }, () => process.exit(1));
  }
}

function obey(order: Order): void {
  if (order === 'start') begun.resolve();
  else if (order === 'stop') void stop();
  else void reload();
}

/** A second order hurries the first; while nothing is served yet there is nothing to finish. */
async function stop(): Promise<void> {
  const finished = registry === undefined || (await registry.stop());
  report({ kind: 'stopped', finished }, () => process.exit(0));
}

/** The primary has read the same file a moment ago, and tells of what is wrong with it. */
async function reload(): Promise<void> {
  const { loadRegistryConfig } = await import('./load-config.js');
  try {
    await registry?.reload(loadRegistryConfig({ path }).config);
  } catch {
    // It changed again since; what applies goes on to apply.
  }
}

function report(message: Report, sent: () => void = () => undefined): void {
  if (!process.connected || process.send === undefined) sent();
  else process.send(message, undefined, undefined, sent);
}
