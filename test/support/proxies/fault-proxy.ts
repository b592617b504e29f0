import { randomInt } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

import type { ListenOptions } from '../servers/real-server.js';
import { FaultRule, type Rule } from './fault-rule.js';
import { FaultStrike } from './fault-strike.js';
import { HttpUpstream, reply } from './http-upstream.js';
import { ProxyServer } from './proxy-server.js';

export interface FaultProxyOptions extends ListenOptions {
  /** What makes the proxy choose the same again: `HOLDFAST_TEST_SEED`, or a random one, when absent. */
  readonly seed?: number;
}

/**
 * Stands before a server of plain HTTP and breaks what its rules say, which may change at any time. The first rule that
 * strikes a request has it; latencies come on top.
 */
export class FaultProxy {
  #rules: readonly FaultRule[] = [];
  #added = 0;

  private constructor(
    readonly seed: number,
    private readonly server: ProxyServer,
    private readonly upstream: HttpUpstream,
  ) {
    server.onRequest((request, response) => this.#pass(request, response));
  }

  /** @param target `ADDRESS:PORT` or `http://ADDRESS:PORT` */
  static async start(
    target: string,
    { seed = someSeed(), ...listen }: FaultProxyOptions = {},
  ): Promise<FaultProxy> {
    return new FaultProxy(seed, await ProxyServer.listenHttp(listen), new HttpUpstream(target));
  }

  /** `ADDRESS:PORT` */
  get host(): string {
    return this.server.host;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  get rules(): readonly FaultRule[] {
    return this.#rules;
  }

  /** Puts a rule behind those in force; each draws its own numbers, by the seed and the order in which they were added. */
  add(rule: Rule): FaultRule {
    const added = new FaultRule(rule, this.seed + 7919 * this.#added);
    this.#added += 1;
    this.#rules = [...this.#rules, added];
    return added;
  }

  /** Takes rules out of force, all when none is named; what they hold up already stays so. */
  remove(...rules: readonly FaultRule[]): void {
    const gone = rules.length === 0 ? this.#rules : rules;
    this.#rules = this.#rules.filter((rule) => !gone.includes(rule));
  }

  /** Resets the connections of all clients. */
  cut(): void {
    this.server.cut();
  }

  async stop(): Promise<void> {
    await this.server.stop();
    this.upstream.stop();
  }

  /** The seed and the rules in force, for the message of a test that failed. */
  toString(): string {
    return [`fault proxy with seed ${this.seed}`, ...this.#rules].join('\n  ');
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { wait, rule } = this.#choose(request);
    if (wait > 0) {
      const left = new AbortController();
      response.once('close', () => left.abort());
      await delay(wait, undefined, { signal: left.signal });
    }
    if (rule === undefined) {
      await reply(await this.upstream.send(request, response), response);
    } else {
      await new FaultStrike(rule, this.upstream, request, response).run();
    }
  }

  #choose(request: IncomingMessage): { readonly wait: number; readonly rule?: FaultRule } {
    let wait = 0;
    let chosen: FaultRule | undefined;
    for (const rule of this.#rules) {
      const { fault } = rule;
      if (fault.kind === 'latency') {
        if (rule.strikes(request)) wait += rule.draw(fault.ms);
      } else if (chosen === undefined && rule.strikes(request)) chosen = rule;
    }
    return chosen === undefined ? { wait } : { wait, rule: chosen };
  }
}

function someSeed(): number {
  return Number(process.env['HOLDFAST_TEST_SEED'] ?? randomInt(2 ** 31));
}
