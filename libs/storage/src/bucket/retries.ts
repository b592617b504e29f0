import { StorageUnavailable } from '../storage-driver.js';
import type { Turnstile } from './turnstile.js';

/** What to make of an attempt that failed. */
export type Verdict =
  /** It is an answer, good or bad: nothing is repeated and the error goes to the caller as it is. */
  | { readonly kind: 'final' }
  /** Worth another attempt. */
  | {
      readonly kind: 'passing';
      /** For people: what the store said. */
      readonly reason: string;
      /** Whether the store may have done what was asked all the same. */
      readonly mayHaveHappened: boolean;
      /** Milliseconds that the store asked for. */
      readonly retryAfter?: number | undefined;
    };

export interface RetryLimits {
  /** Attempts in all. */
  readonly attempts: number;
  /** Milliseconds of one attempt. Attempts that move many bytes say so themselves (`Attempt.alive`). */
  readonly attemptTimeout: number;
  /** Milliseconds of all attempts, of the pauses between them and of waiting in a row. */
  readonly totalTimeout: number;
  /** Milliseconds of the first pause at most; each further one may be twice as long. */
  readonly firstPause: number;
  readonly longestPause: number;
}

export const defaultRetryLimits: RetryLimits = {
  attempts: 8,
  attemptTimeout: 15_000,
  totalTimeout: 60_000,
  firstPause: 50,
  longestPause: 5_000,
};

export interface Attempt {
  /** Aborted when the time of the attempt is over. */
  readonly signal: AbortSignal;
  /** Whether an earlier attempt of the same call may have been carried out, though its answer never came. */
  readonly mayHaveHappened: boolean;
  /** Bytes moved: the time of the attempt begins again. */
  alive(): void;
}

/**
 * Repeats what failed for a moment: with full jitter, a bound on each attempt and on all, and a budget that all calls of
 * the process share, so that a store in trouble is not asked several times as often as one in health. Each success pays a
 * tenth of a repetition back. An attempt ends with its time, whether what it waits for heeds the signal or not.
 */
export class Retries {
  #budget = fullBudget;

  constructor(
    private readonly judge: (error: unknown) => Verdict,
    private readonly limits: RetryLimits = defaultRetryLimits,
    private readonly random: () => number = Math.random,
    /** Of attempts that are made at once, if there is a bound on them: a pause takes no place. */
    private readonly places?: Turnstile,
  ) {}

  /**
   * @param operation as the store calls it; for the error message
   * @throws {StorageUnavailable} when no attempt succeeded
   */
  async run<T>(operation: string, action: (attempt: Attempt) => Promise<T>): Promise<T> {
    const deadline = performance.now() + this.limits.totalTimeout;
    let mayHaveHappened = false;
    for (let number = 1; ; number++) {
      const leave = await this.#enter(operation, deadline);
      const timer = new AttemptTimer(this.limits.attemptTimeout);
      let pause: number;
      try {
        const { signal } = timer;
        const acted = action({ signal, mayHaveHappened, alive: () => timer.restart() });
        const result = await timer.bound(acted);
        this.#budget = Math.min(fullBudget, this.#budget + 0.1);
        return result;
      } catch (error) {
        const verdict = timer.signal.aborted ? timedOut : this.judge(error);
        if (verdict.kind === 'final') throw error;
        mayHaveHappened ||= verdict.mayHaveHappened;
        pause = Math.max(this.#pause(number), verdict.retryAfter ?? 0);
        const over = number >= this.limits.attempts || performance.now() + pause > deadline;
        if (over || this.#budget < 1) {
          throw new StorageUnavailable(`${operation}: ${verdict.reason}`, { cause: error });
        }
        this.#budget--;
      } finally {
        timer.stop();
        leave?.();
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  async #enter(operation: string, deadline: number): Promise<(() => void) | undefined> {
    if (this.places === undefined) return undefined;
    const leave = await this.places.enter(deadline - performance.now());
    if (leave !== undefined) return leave;
    throw new StorageUnavailable(`${operation}: too many other requests wait for the storage`);
  }

  #pause(number: number): number {
    const { firstPause, longestPause } = this.limits;
    return this.random() * Math.min(longestPause, firstPause * 2 ** (number - 1));
  }
}

/** Repetitions that all calls together may make before any of them succeeds. */
const fullBudget = 200;

const timedOut = {
  kind: 'passing',
  reason: 'the storage did not answer in time',
  mayHaveHappened: true,
  retryAfter: undefined,
} as const;

class AttemptTimer {
  readonly #controller = new AbortController();
  readonly #over = Promise.withResolvers<never>();
  readonly #timer: NodeJS.Timeout;

  constructor(milliseconds: number) {
    this.#timer = setTimeout(() => {
      this.#controller.abort();
      this.#over.reject(new Error(timedOut.reason));
    }, milliseconds);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What ends the time of the action at the latest. */
  bound<T>(action: Promise<T>): Promise<T> {
    return Promise.race([action, this.#over.promise]);
  }

  restart(): void {
    this.#timer.refresh();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
