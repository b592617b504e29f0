import { ProcessLog } from '#telemetry/create-log.js';

import { answerPrimary } from './health/worker-reports.js';
import { loadRegistryConfig } from './load-config.js';
import { isOrder, type Report } from './workers/messages.js';
import { reasons } from './workers/reasons.js';
import { RegistryProcess } from './workers/registry-process.js';

/** A worker of `http.workers`: started by the primary with the path of the configuration, obeys it, ends with it. */
const path = process.argv[2] || undefined;

function report(message: Report): void {
  if (process.connected) process.send?.(message);
}

try {
  const { config } = loadRegistryConfig({ path });
  const log = ProcessLog.create(config.log);
  const registry = await RegistryProcess.start(config, log.child({ worker: process.pid }));

  const stop = async () => {
    const finished = await registry.stop();
    report({ kind: 'stopped', finished });
    process.exit(0);
  };
  process.on('message', (message) => {
    if (!isOrder(message)) return;
    if (message === 'stop') void stop();
    else void registry.reload(loadRegistryConfig({ path }).config);
  });
  // The terminal sends it to every process of the group; the primary decides.
  process.on('SIGINT', () => undefined);
  process.on('SIGHUP', () => undefined);
  process.on('SIGTERM', () => void stop());
  // Without the primary nobody accepts connections for us.
  process.on('disconnect', () => void stop());
  answerPrimary(registry.reporter);
  report({ kind: 'listening' });
} catch (error) {
  report({ kind: 'failed', reasons: reasons(error) });
  process.exitCode = 1;
  process.disconnect?.();
}
