import { isReady, type ProcessHealth } from './process-health.js';
import type { HealthReport } from './process-reports.js';

/** Without a reason to doubt, `good` is 200; else it is 503. */
interface DebugHealth {
  readonly good: boolean;
  readonly body: unknown;
}

/** Whether any process answers requests. */
export function startupOf(reports: readonly HealthReport[]): DebugHealth {
  const good = reports.length > 0;
  return { good, body: { status: good ? 'ok' : 'starting' } };
}

/** Ready is whoever has processes that are, all of them: connections go to each, also to one that hangs. */
export function readinessOf(reports: readonly HealthReport[]): DebugHealth {
  const good = reports.length > 0 && reports.every(({ health }) => health && isReady(health));
  const processes = reports.map(({ pid, health }) => ({
    pid,
    status: statusOf(health),
    checks: Object.fromEntries(
      health?.checks.map(({ name, checkedAt, ...check }) => [
        name,
        { ...check, ...(checkedAt && { checkedAt: new Date(checkedAt).toISOString() }) },
      ]) ?? [],
    ),
    ...(Object.keys(health?.notices ?? {}).length > 0 && { notices: health?.notices }),
  }));
  const draining = reports.some(({ health }) => health?.draining);
  const status = draining
    ? 'shutting_down'
    : good
      ? 'ok'
      : reports.length > 0
        ? 'error'
        : 'starting';
  return { good, body: { status, processes } };
}

/** Distribution's: the name and the message of each check that fails, and nothing else. */
export function failuresIn(reports: readonly HealthReport[]): DebugHealth {
  const failures: Record<string, string> = {};
  for (const { pid, health } of reports) {
    if (health === undefined) failures[`process_${pid}`] = 'does not answer';
    for (const { name, status, message } of health?.checks ?? []) {
      if (status === 'down') failures[name] = message ?? 'failed';
    }
  }
  return { good: Object.keys(failures).length === 0, body: failures };
}

function statusOf(health: ProcessHealth | undefined): string {
  if (health === undefined) return 'silent';
  if (health.draining) return 'shutting_down';
  return isReady(health) ? 'ok' : 'error';
}
