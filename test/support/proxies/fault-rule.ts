import type { IncomingMessage } from 'node:http';

import { Seeded } from '#storage/testing/seeded.js';

import type { Amount, Fault } from './fault.js';
import { s3Operation, splitUrl } from './s3-operation.js';

/** All that is given must hold. */
interface Match {
  readonly method?: string | readonly string[];
  /** S3's names, such as `UploadPart`. */
  readonly operation?: string | readonly string[];
  /** The path as it was sent, still encoded. */
  readonly path?: RegExp;
  /** Parameters that are there (`true`) or have this value. */
  readonly query?: Readonly<Record<string, string | RegExp | true>>;
  readonly where?: (request: IncomingMessage) => boolean;
}

export interface Rule extends Match {
  readonly fault: Fault;
  /** How likely a request that matches is struck, up to 1: always when absent. */
  readonly chance?: number;
  /** Only the n-th request that matches, counted from 1. */
  readonly nth?: number;
  /** So often at most. */
  readonly times?: number;
}

export interface KeptAnswer {
  readonly taken: number;
  readonly head: IncomingMessage;
  readonly body: Buffer;
}

/** A rule in force, and what became of it. */
export class FaultRule {
  /** Requests that the rule matched, struck or not. */
  matched = 0;
  /** Requests that it struck. */
  struck = 0;
  /** Answers that a fault gives again, by URL. */
  readonly answers = new Map<string, KeptAnswer>();
  readonly #random: Seeded;

  constructor(
    readonly rule: Rule,
    seed: number,
  ) {
    this.#random = new Seeded(seed);
  }

  get fault(): Fault {
    return this.rule.fault;
  }

  /** Whether the request is to be struck; counts it, and draws once for each that matches. */
  strikes(request: IncomingMessage): boolean {
    const { chance = 1, nth, times = Infinity } = this.rule;
    if (!matches(this.rule, request)) return false;
    this.matched += 1;
    const drawn = this.#random.below(1_000_000) < chance * 1_000_000;
    if (!drawn || this.struck >= times || (nth ?? this.matched) !== this.matched) return false;
    this.struck += 1;
    return true;
  }

  /** What was to be struck gave no occasion, such as a body that was too short. */
  missed(): void {
    this.struck -= 1;
  }

  draw(amount: Amount): number {
    if (typeof amount === 'number') return amount;
    const [from, to] = amount;
    return from + this.#random.below(to - from + 1);
  }

  toString(): string {
    const { fault, method, operation, path } = this.rule;
    const what = [operation ?? method ?? 'any request', path?.source ?? ''].flat().join(' ').trim();
    return `${fault.kind} on ${what}: struck ${this.struck} of ${this.matched}`;
  }
}

function matches({ method, operation, path, query, where }: Match, request: IncomingMessage) {
  const url = splitUrl(request.url ?? '/');
  return (
    (method === undefined || [method].flat().includes(request.method ?? '')) &&
    (operation === undefined || [operation].flat().includes(s3Operation(request))) &&
    (path === undefined || path.test(url.path)) &&
    Object.entries(query ?? {}).every(([name, wanted]) => holds(wanted, url.query.get(name))) &&
    (where === undefined || where(request))
  );
}

function holds(wanted: string | RegExp | true, value: string | null): boolean {
  if (value === null) return false;
  if (wanted === true) return true;
  return typeof wanted === 'string' ? wanted === value : wanted.test(value);
}
