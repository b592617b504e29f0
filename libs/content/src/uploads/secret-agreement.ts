import type { StorageDriver } from '#storage/storage-driver.js';
import type { Log } from '#telemetry/log.js';

import type { SecretList } from './secret-lists.js';
import type { SigningSecrets } from './signing-secrets.js';

/** After the first requests: what it takes does not delay the start (milliseconds). */
const firstLookAfter = 1000;
/** From one look to the next. Who uses a list says so once in this time (milliseconds). */
const interval = 10 * 60 * 1000;
/** Who has not said so for this long has stopped. Others' clocks may be off by as much (milliseconds). */
const lifetime = 25 * 60 * 1000;
/** After this a list is removed (milliseconds). */
const keptFor = 24 * 60 * 60 * 1000;

export interface AgreementOptions {
  readonly secrets: SigningSecrets;
  /** The key of the configuration that the secrets are from; undefined where the storage keeps one. */
  readonly key: string | undefined;
  readonly log: Pick<Log, 'info' | 'warn'>;
  readonly now?: () => number;
}

/**
 * Looks whether all who share this storage can go on with each other's uploads, which takes a secret that they have in
 * common. Lists that overlap are well: a rotation looks like that.
 */
export class SecretAgreement {
  readonly #now: () => number;
  #problem: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running = false;
  #records: ReturnType<typeof openRecords> | undefined;

  constructor(
    private readonly driver: StorageDriver,
    private readonly options: AgreementOptions,
  ) {
    this.#now = options.now ?? Date.now;
  }

  /** What is wrong and what to do, in words; undefined while nothing is. */
  get problem(): string | undefined {
    return this.#problem;
  }

  start(): void {
    this.#running = true;
    this.lookSoon();
  }

  /** The secrets have changed. */
  lookSoon(): void {
    clearTimeout(this.#timer);
    this.#lookAfter(firstLookAfter);
  }

  stop(): void {
    this.#running = false;
    clearTimeout(this.#timer);
  }

  /** One look, now. */
  async look(): Promise<void> {
    const { log } = this.options;
    try {
      const before = this.#problem;
      this.#problem = await this.#compare();
      if (this.#problem !== undefined && before === undefined) {
        log.warn({ problem: this.#problem }, 'HTTP secrets differ from those of other replicas');
      } else if (this.#problem === undefined && before !== undefined) {
        log.info({}, 'HTTP secrets have one in common with those of each other replica');
      }
    } catch (error) {
      log.warn({ error }, 'HTTP secrets could not be compared with those of other replicas');
    }
  }

  async #compare(): Promise<string | undefined> {
    const { secrets, key = nowhere } = this.options;
    const { fingerprints, lists } = await (this.#records ??= openRecords(this.driver));
    const mine = { from: key, fingerprints: await fingerprints.of(secrets.all) };
    const now = this.#now();
    // Before the others are read: of two who start at once one at least sees the other.
    const seen = await lists.find(mine);
    if (!((seen?.seenAt ?? 0) > now - interval)) await lists.write(mine, now);
    const strangers: SecretList[] = [];
    for (const other of await lists.others(mine)) {
      const age = Math.abs(now - other.seenAt);
      if (age > keptFor) await lists.remove(other);
      if (age <= lifetime && !overlap(mine, other)) strangers.push(other);
    }
    return strangers.length === 0 ? undefined : describeProblem(mine, strangers);
  }

  #lookAfter(delay: number): void {
    if (!this.#running) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      // Somebody may have asked for another look while this one was under way.
      void this.look().finally(() => this.#timer ?? this.#lookAfter(interval));
    }, delay).unref();
  }
}

/** Loaded with the first look: no start waits for it. */
async function openRecords(driver: StorageDriver) {
  const [{ SecretFingerprints }, { SecretLists }] = await Promise.all([
    import('./secret-fingerprints.js'),
    import('./secret-lists.js'),
  ]);
  return { fingerprints: new SecretFingerprints(driver), lists: new SecretLists(driver) };
}

const nowhere = 'none configured';

function overlap(one: SecretList, other: SecretList): boolean {
  return one.fingerprints.some((fingerprint) => other.fingerprints.includes(fingerprint));
}

function describeProblem(mine: SecretList, others: readonly SecretList[]): string {
  const theirs = [...new Set(others.map(({ from }) => from))].join(', ');
  const remedy =
    mine.from === nowhere
      ? 'set http.secret here to the one of the others'
      : 'set the same http.secret everywhere, or http.secrets with one in common';
  return (
    `no secret is common to this process (${mine.from}) and others on this storage (${theirs}): ` +
    `an upload that begins at one cannot go on at the other; ${remedy}`
  );
}
