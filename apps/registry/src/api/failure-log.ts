import type { Log, LogFields } from '#telemetry/log.js';

/** Lines of one sentence in one span: an outage fails thousands of requests a second, and the disk of the log may be small. */
const most = 20;
const span = 10_000;

interface Span {
  readonly since: number;
  written: number;
  leftOut: number;
}

/** A log of what fails, that does not grow with how often it does. */
export class FailureLog {
  /** By sentence, of which there are few; so that no failure is left out for the sake of another. */
  readonly #spans = new Map<string, Span>();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly log: Pick<Log, 'error'>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  error(fields: LogFields, message: string): void {
    const current = this.#spanOf(message);
    if (current.written === most) {
      current.leftOut++;
      this.#lookLater();
    } else {
      current.written++;
      this.log.error(fields, message);
    }
  }

  /** Tells of what was left out in spans that are over; the timer's, and the tests'. */
  look(): void {
    this.#timer = undefined;
    for (const [message] of this.#spans) this.#endIfOver(message);
    if ([...this.#spans.values()].some(({ leftOut }) => leftOut > 0)) this.#lookLater();
  }

  #lookLater(): void {
    if (this.#timer === undefined) this.#timer = setTimeout(() => this.look(), span).unref();
  }

  #spanOf(message: string): Span {
    this.#endIfOver(message);
    const current = this.#spans.get(message) ?? { since: this.now(), written: 0, leftOut: 0 };
    this.#spans.set(message, current);
    return current;
  }

  #endIfOver(message: string): void {
    const current = this.#spans.get(message);
    if (current === undefined || this.now() - current.since < span) return;
    this.#spans.delete(message);
    if (current.leftOut > 0) this.log.error({ leftOut: current.leftOut }, message);
  }
}
