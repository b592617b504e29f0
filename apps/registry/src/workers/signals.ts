/** npm passes on to its child what the terminal has sent there already: the same signal again within this time is the same wish. */
const echoMs = 500;

/** What signals ask of the process. */
interface Obedient {
  reload(): void;
  /** The first time, and hurrying the second. */
  stop(): Promise<boolean>;
}

/**
 * SIGHUP reloads, SIGTERM and SIGINT stop. To be made before anything is started: a process that answers already, or is
 * about to, must not die of a signal that was meant to end it in order.
 */
export class Signals {
  readonly #waiting: (() => void)[] = [];
  #obedient: Obedient | undefined;
  #reloadsFirst = false;
  #last = -Infinity;
  #finish: (result: Promise<boolean>) => void = () => undefined;
  readonly #finished = new Promise<boolean>((resolve) => (this.#finish = resolve));

  constructor(private readonly now: () => number = () => performance.now()) {
    const onStop = () => this.#stop();
    process.on('SIGTERM', onStop).on('SIGINT', onStop);
    process.on('SIGHUP', () => this.#reload());
  }

  /** Resolves when all has stopped, with whether every request was finished. */
  obeyWith(obedient: Obedient): Promise<boolean> {
    this.#obedient = obedient;
    // What was read at the start may be older than the signal.
    if (this.#reloadsFirst) obedient.reload();
    for (const order of this.#waiting.splice(0)) order();
    return this.#finished;
  }

  #reload(): void {
    if (this.#obedient === undefined) this.#reloadsFirst = true;
    else this.#obedient.reload();
  }

  #stop(): void {
    const now = this.now();
    if (now - this.#last < echoMs) return;
    this.#last = now;
    if (this.#obedient !== undefined) this.#finish(this.#obedient.stop());
    else if (this.#waiting.length === 0) this.#waiting.push(() => this.#finishFirst());
    // Whatever the start waits for, somebody insists.
    else process.exit(1);
  }

  #finishFirst(): void {
    if (this.#obedient !== undefined) this.#finish(this.#obedient.stop());
  }
}
