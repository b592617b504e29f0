import type { Log } from '#telemetry/log.js';

import type { PurgeTurn } from './purge-turn.js';
import type { UploadPurger } from './upload-purger.js';

/** `storage.maintenance.uploadpurging`; all in milliseconds. */
export interface PurgeTimes {
  /** Since the last byte. */
  readonly age: number;
  readonly interval: number;
  readonly dryrun: boolean;
}

interface Sources {
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
}

/** Processes that start together do not look at once. As long as Distribution's (milliseconds). */
const longestStartJitter = 59 * 60 * 1000;
/** Who was not first looks a little after the next round is due (milliseconds). */
const longestTurnJitter = 60 * 1000;
/** What a timer can count to. */
const longestDelay = 2 ** 31 - 1;

/** Purges uploads on an interval, if the turn is this process's. */
export class PurgeSchedule {
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;

  constructor(
    private readonly purger: UploadPurger,
    private readonly turn: PurgeTurn,
    private readonly times: PurgeTimes,
    private readonly log: Log,
    private readonly sources: Sources = { now: Date.now, random: Math.random },
  ) {}

  onApplicationBootstrap(): void {
    const { now, random } = this.sources;
    this.#wait(now() + random() * Math.min(longestStartJitter, this.times.interval));
  }

  /** Ends a round under way before its next removal. */
  async onApplicationShutdown(): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#round;
  }

  /** One round, or none where another process did it. @returns when the next is due */
  async round(): Promise<number> {
    const { now, random } = this.sources;
    const { interval } = this.times;
    const begun = now();
    try {
      const last = await this.turn.take(interval);
      if (last !== undefined) {
        return last + interval + random() * Math.min(longestTurnJitter, interval / 10);
      }
      await this.#purge(begun - this.times.age);
    } catch (error) {
      this.log.warn({ error }, 'uploads could not be purged; the next round tries again');
    }
    return begun + interval;
  }

  async #purge(before: number): Promise<void> {
    const { dryrun } = this.times;
    let count = 0;
    let failures = 0;
    const removed = this.purger.purge(before, {
      dryRun: dryrun,
      signal: this.#stop.signal,
      onFailure: (path, error) => {
        failures++;
        this.log.warn({ path, error }, 'abandoned uploads could not be purged here');
      },
    });
    for await (const path of removed) {
      count++;
      this.log.info(
        { path },
        dryrun ? 'abandoned upload would be purged' : 'abandoned upload purged',
      );
    }
    this.log.info(
      { count, failures, before: new Date(before) },
      dryrun ? 'uploads looked through, none purged: dryrun' : 'uploads purged',
    );
  }

  #wait(due: number): void {
    if (this.#stop.signal.aborted) return;
    const delay = Math.min(Math.max(due - this.sources.now(), 0), longestDelay);
    this.#timer = setTimeout(() => {
      if (this.sources.now() < due) this.#wait(due);
      else this.#round = this.#roundAndWait();
    }, delay).unref();
  }

  async #roundAndWait(): Promise<void> {
    this.#wait(await this.round());
  }
}
