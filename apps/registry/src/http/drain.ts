import type { Log } from '#telemetry/log.js';

/** Whether this process is about to go. Readiness fails while it is. */
export class Drain {
  #draining = false;

  get draining(): boolean {
    return this.#draining;
  }

  begin(): void {
    this.#draining = true;
  }
}

/** What the drain closes. */
export interface Door {
  /** Requests under way. */
  readonly busy: number;
  /** Connections that are open, with a request or without. */
  readonly open: number;
  /** From now on every answer ends its connection. */
  announceEnd(): void;
  /** No new connection, and none that is idle. */
  close(): void;
  closeIdle(): void;
  /** Everything, at once. */
  destroy(): void;
}

interface DrainTimes {
  readonly drainwait: number;
  readonly draintimeout: number;
}

/** Time for the last bytes of the last answers to leave; what is open after that has nothing to say. */
const lastBytesMs = 500;
/** How often the last requests are looked for; they may be few and end at any time. */
const lookMs = 50;

/**
 * The way out, in the order that load balancers need: readiness fails; the door stays open for `http.drainwait`, because
 * they go on sending until they have seen it; then the door closes and requests under way finish within `http.draintimeout`.
 *
 * @param hurry aborted to skip whatever is being waited for.
 * @returns whether every request was finished.
 */
export async function drainDoor(
  door: Door,
  { drainwait, draintimeout }: DrainTimes,
  drain: Drain,
  options: { readonly hurry: AbortSignal; readonly log: Pick<Log, 'info' | 'warn'> },
): Promise<boolean> {
  const { hurry, log } = options;
  drain.begin();
  door.announceEnd();
  log.info(
    { drainwait, underWay: door.busy },
    'draining: readiness fails, requests are still taken',
  );
  await pause(drainwait, hurry);
  door.close();
  const end = performance.now() + draintimeout;
  while (door.busy > 0 && performance.now() < end && !hurry.aborted) {
    await pause(lookMs, hurry);
    door.closeIdle();
  }
  const cut = door.busy;
  if (cut > 0) log.warn({ cut }, 'requests cut at the end of the drain');
  const late = performance.now() + lastBytesMs;
  while (cut === 0 && door.open > 0 && performance.now() < late && !hurry.aborted) {
    await pause(lookMs / 5, hurry);
  }
  door.destroy();
  return cut === 0;
}

function pause(ms: number, hurry: AbortSignal): Promise<void> {
  if (hurry.aborted || ms <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(finish, ms);
    function finish(): void {
      clearTimeout(timer);
      hurry.removeEventListener('abort', finish);
      resolve();
    }
    hurry.addEventListener('abort', finish);
  });
}
