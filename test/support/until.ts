import { setTimeout as delay } from 'node:timers/promises';

export interface UntilOptions {
  readonly timeoutMs?: number;
  /** Gives up at once when this turns true. */
  readonly stop?: () => boolean;
}

/** Asks again until the answer is anything but false, and fails by saying what did not come. */
export async function until<T>(
  what: string,
  condition: () => Promise<T | false>,
  { timeoutMs = 30_000, stop = () => false }: UntilOptions = {},
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const answer = await condition();
    if (answer !== false) return answer;
    if (stop() || performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await delay(20);
  }
}
