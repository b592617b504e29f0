import { createWriteStream, type WriteStream } from 'node:fs';

/** `unknown`: no answer came, or one that says nothing of what was done (5xx): it may take effect at any later time. */
export type Outcome = 'ok' | 'fail' | 'unknown';

/** What was asked of one thing, and what came of it. `value` is a digest, or null for "there is none". */
export interface Event {
  readonly what: 'blob' | 'manifest' | 'tag';
  /** Of a tag `repository:tag`, else `repository@digest`. */
  readonly key: string;
  readonly action: 'write' | 'remove' | 'remove-value' | 'read';
  readonly value: string | null;
  /** Milliseconds of one monotonic clock. */
  readonly began: number;
  readonly ended: number;
  readonly outcome: Outcome;
}

/** A request, or several, that a client made as one act, such as the push of an image. */
export interface Act {
  readonly name: string;
  readonly client: number;
  readonly began: number;
  readonly ended: number;
  readonly outcome: Outcome;
  readonly status?: number | undefined;
  readonly detail?: string | undefined;
}

/** What must never be seen, whatever breaks: wrong bytes, a short body that looks whole. */
export interface Anomaly {
  readonly kind: 'corrupt' | 'short' | 'dangling' | 'lost' | 'not linearizable' | 'undecided';
  readonly key: string;
  readonly detail: string;
}

/** All that clients saw, in memory and, line by line as JSON, in a file. */
export class History {
  readonly events: Event[] = [];
  readonly acts: Act[] = [];
  readonly anomalies: Anomaly[] = [];
  readonly faults: { readonly name: string; readonly at: number }[] = [];
  readonly #file: WriteStream | undefined;

  constructor(path?: string) {
    this.#file = path === undefined ? undefined : createWriteStream(path);
  }

  get now(): number {
    return performance.now();
  }

  event(event: Event): void {
    this.events.push(event);
    this.#write('event', event);
  }

  act(act: Act): void {
    this.acts.push(act);
    this.#write('act', act);
  }

  anomaly(anomaly: Anomaly): void {
    this.anomalies.push(anomaly);
    this.#write('anomaly', anomaly);
  }

  fault(name: string): void {
    const fault = { name, at: this.now };
    this.faults.push(fault);
    this.#write('fault', fault);
  }

  async close(): Promise<void> {
    const file = this.#file;
    if (file !== undefined) await new Promise((resolve) => file.end(resolve));
  }

  #write(type: string, line: object): void {
    this.#file?.write(`${JSON.stringify({ type, ...line })}\n`);
  }
}
