import type { ProcessLog } from '#telemetry/create-log.js';

import { type Accepted, isOrder, type Order, type Report } from './messages.js';
import type { RegistryProcess } from './registry-process.js';

/** A worker of `http.workers`: started by the primary, which tells it the configuration; obeys it, ends with it. */
let accepted: Accepted | undefined;
let log: ProcessLog | undefined;
let registry: RegistryProcess | undefined;
const begun = Promise.withResolvers<Accepted>();

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
    const [created, { answerPrimary }, { configOf }, { sizeThreads }, loaded] = await Promise.all([
      import('#telemetry/create-log.js'),
      import('../health/worker-reports.js'),
      import('./accepted-config.js'),
      import('./size-threads.js'),
      import('./registry-process.js'),
    ]);
    const first = await begun.promise;
    const config = configOf(first);
    sizeThreads(config);
    log = created.ProcessLog.create(config.log).child({ worker: process.pid });
    registry = await loaded.RegistryProcess.start(config, log);
    if (accepted !== first) await reload();
    answerPrimary(registry.reporter);
    report({ kind: 'listening' });
  } catch (error) {
    const { reasons } = await import('./reasons.js');
    report({ kind: 'failed', reasons: reasons(error) }, () => process.exit(1));
  }
}

function obey(order: Order): void {
  if (order.kind === 'stop') return void stop();
  accepted = order.accepted;
  if (order.kind === 'start') begun.resolve(accepted);
  else void reload();
}

/** A second order hurries the first; while nothing is served yet there is nothing to finish. */
async function stop(): Promise<void> {
  const finished = registry === undefined || (await registry.stop());
  report({ kind: 'stopped', finished }, () => process.exit(0));
}

/** Who is still starting does it when that is done. */
async function reload(): Promise<void> {
  if (registry === undefined || accepted === undefined) return;
  try {
    const { configOf } = await import('./accepted-config.js');
    await registry.reload(configOf(accepted));
  } catch (error) {
    log?.error({ error }, 'what was read again does not apply here');
  }
}

function report(message: Report, sent: () => void = () => undefined): void {
  if (!process.connected || process.send === undefined) sent();
  else process.send(message, undefined, undefined, sent);
}
