import type { Log } from '#telemetry/log.js';

import { FailureScore } from './failure-score.js';
import { parseMemoryPolicy, policyProblem, type RedisRole } from './memory-policy.js';
import type { RedisClient } from './redis-client.js';
import type { RedisConfig } from './redis-config.js';
import { meansAway, reasonOf, replyErrorKind } from './reply-errors.js';
import type { TlsFiles } from './tls-files.js';
import { within } from './within.js';

/** The commands that are used, the same for one server and for a cluster. */
export interface RedisCommands {
  getrangeBuffer(key: string, start: number, end: number): Promise<Buffer>;
  set(key: string, value: string | Buffer, unit: 'EX', seconds: number): Promise<unknown>;
  del(key: string): Promise<number>;
  ping(): Promise<string>;
}

/** Told of each call that was sent: which it was, and how long it took. */
export type CallObserver = (operation: string, seconds: number) => void;

/** What a connection tells of itself; the numbers count from the start of the process. */
export interface RedisState {
  readonly roles: readonly RedisRole[];
  readonly up: boolean;
  /** `open`: no call is sent; `half-open`: and it is being tried whether one can be. */
  readonly circuit: 'closed' | 'open' | 'half-open';
  /** Why it is not up. */
  readonly reason: string | undefined;
  readonly answered: number;
  readonly timeouts: number;
  /** Answered by an error, or cut off. */
  readonly errors: number;
  /** Not sent: there is no connection, or too many wait for an answer already. */
  readonly skipped: number;
  /** How often it was left alone after it had been up. */
  readonly opened: number;
}

export interface RedisConnectionOptions {
  readonly roles: readonly RedisRole[];
  readonly log: Log;
  /** From 0 to 1. */
  readonly random?: () => number;
}

interface Parts extends RedisConnectionOptions {
  readonly config: RedisConfig;
  readonly server: string;
  readonly open: () => Promise<RedisClient>;
  readonly connect: (client: RedisClient) => Promise<void>;
}

/** Calls that may wait for an answer at once. */
const mostWaiting = 1000;
/** Who stays up for so long is not the server that comes and goes (milliseconds). */
const settled = 30_000;

/**
 * A Redis that may be away. A call never fails and never takes longer than `calltimeout`: it gives nothing instead. After
 * a few failures none is sent, until a new connection, made in the background, has answered.
 *
 * The server is shared by all replicas. It is never the truth about anything.
 */
export class RedisConnection {
  readonly #score = new FailureScore();
  readonly #log: Log;
  readonly #counts = { answered: 0, timeouts: 0, errors: 0, skipped: 0, opened: 0 };
  readonly #complaints = new Set<string>();
  #client: RedisClient | undefined;
  /** The one that is being tried. */
  #trying: RedisClient | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stage: 'idle' | 'running' | 'closed' = 'idle';
  #reason: string | undefined = 'not connected yet';
  #tries = 0;
  #waiting = 0;
  #upSince = 0;
  #replacedAt = -Infinity;
  #observer: CallObserver | undefined;

  private constructor(private readonly parts: Parts) {
    this.#log = parts.log.child({ redis: parts.server });
  }

  /** Does not connect yet. @throws {RedisUnusable} if files that `tls` names cannot be used */
  static async create(
    config: RedisConfig,
    options: RedisConnectionOptions,
  ): Promise<RedisConnection> {
    const [{ connectClient, newClient, serversText }, tls] = await Promise.all([
      import('./redis-client.js'),
      tlsOf(config, options.log),
    ]);
    return new RedisConnection({
      ...options,
      config,
      server: serversText(config),
      open: async () => newClient(config, await tls?.read()),
      connect: connectClient,
    });
  }

  get state(): RedisState {
    const { roles } = this.parts;
    const up = this.#client !== undefined;
    const circuit = up ? 'closed' : this.#trying === undefined ? 'open' : 'half-open';
    return { roles, up, circuit, reason: up ? undefined : this.#reason, ...this.#counts };
  }

  /** Connects in the background, as the first call would. */
  start(): void {
    if (this.#stage !== 'idle') return;
    this.#stage = 'running';
    void this.#try();
  }

  observe(observer: CallObserver): void {
    this.#observer = observer;
  }

  /** What the command gives, or undefined: no connection, no answer in time, an error. */
  async call<T>(
    operation: string,
    command: (commands: RedisCommands) => Promise<T>,
  ): Promise<T | undefined> {
    if (this.#stage === 'idle') this.start();
    const client = this.#client;
    if (client === undefined || this.#waiting >= mostWaiting) {
      this.#counts.skipped++;
      return undefined;
    }
    const started = performance.now();
    this.#waiting++;
    try {
      const answer = await within(this.parts.config.callTimeout, command(client));
      if (answer === 'late') {
        this.#counts.timeouts++;
        this.#failed(client, 'it does not answer in time');
        return undefined;
      }
      this.#counts.answered++;
      this.#score.answered();
      return answer.value;
    } catch (error) {
      this.#counts.errors++;
      this.#judge(client, error);
      return undefined;
    } finally {
      this.#waiting--;
      this.#observer?.(operation, (performance.now() - started) / 1000);
    }
  }

  /** Whether it answers now. @throws {Error} that says why not */
  async check(): Promise<void> {
    const answer = await this.call('Ping', (commands) => commands.ping());
    if (answer === undefined) throw new Error(this.state.reason ?? 'it does not answer in time');
  }

  async close(): Promise<void> {
    this.#stage = 'closed';
    this.#reason = 'closed';
    clearTimeout(this.#timer);
    this.#trying?.disconnect();
    const client = this.#client;
    this.#client = undefined;
    if (client === undefined) return;
    const ended = new Promise((resolve) => client.once('end', () => resolve(undefined)));
    client.disconnect();
    await within(1000, ended);
  }

  /** An error from a server that otherwise answers is not a reason to leave it alone. */
  #judge(client: RedisClient, error: unknown): void {
    const kind = replyErrorKind(error);
    if (kind === undefined || meansAway(kind)) return this.#failed(client, reasonOf(error));
    this.#score.answered();
    // The master has changed: whoever asks again is told which it is now.
    if (kind === 'READONLY') this.#replace(client);
    if (this.#complaints.has(kind)) return;
    this.#complaints.add(kind);
    this.#log.warn({ answer: reasonOf(error) }, 'Redis refuses calls');
  }

  #failed(client: RedisClient, reason: string): void {
    if (client === this.#client && this.#score.failed()) this.#leave(client, reason);
  }

  /** Nothing more is sent, and what waits for an answer is given up. */
  #leave(client: RedisClient, reason: string): void {
    if (client !== this.#client || this.#stage === 'closed') return;
    this.#client = undefined;
    this.#reason = reason;
    this.#counts.opened++;
    client.disconnect();
    this.#log.warn({ reason }, 'Redis is away; everything goes on without it');
    if (performance.now() - this.#upSince > settled) this.#tries = 0;
    this.#tryLater();
  }

  #tryLater(): void {
    if (this.#stage !== 'running') return;
    const { shortest, longest } = this.parts.config.backoff;
    const delay = Math.min(longest, shortest * 2 ** Math.min(this.#tries++, 20));
    const { random = Math.random } = this.parts;
    this.#timer = setTimeout(() => void this.#try(), delay * (0.5 + random() / 2)).unref();
  }

  async #try(): Promise<void> {
    const first = this.#tries === 0 && this.#counts.opened === 0;
    const outcome = await this.#connect().catch(reasonOf);
    if (this.#stage !== 'running') return;
    if (typeof outcome !== 'string') return this.#use(outcome);
    this.#reason = outcome;
    if (first) this.#log.warn({ reason: outcome }, 'Redis is away; everything goes on without it');
    this.#tryLater();
  }

  #use(client: RedisClient): void {
    this.#client = client;
    this.#score.reset();
    this.#complaints.clear();
    this.#upSince = performance.now();
    this.#log.info({}, 'Redis is there');
    void this.#lookAtMemory(client);
  }

  /** A client that has answered; or why there is none. */
  async #connect(): Promise<RedisClient | string> {
    const client = await this.parts.open();
    if (this.#stage !== 'running') return 'closed';
    let reason: string | undefined;
    client.on('error', (error) => (reason = reasonOf(error)));
    client.on('node error', (error) => (reason ??= reasonOf(error)));
    client.on('close', () => this.#leave(client, reason ?? 'the connection was closed'));
    this.#trying = client;
    try {
      const answered = this.parts.connect(client);
      // Nobody waits for this.
      if ((await within(this.parts.config.dialTimeout, answered)) !== 'late') return client;
      reason = 'it does not answer';
    } catch (error) {
      reason ??= reasonOf(error);
    } finally {
      this.#trying = undefined;
    }
    client.disconnect();
    return reason;
  }

  /** Takes another connection into use while this one goes on; not more often than connections are tried at all. */
  #replace(client: RedisClient): void {
    const { longest } = this.parts.config.backoff;
    const now = performance.now();
    if (client !== this.#client || this.#trying !== undefined) return;
    if (now - this.#replacedAt < longest) return;
    this.#replacedAt = now;
    const replacement = this.#connect().catch(reasonOf);
    void replacement.then((next) => {
      if (typeof next === 'string') return;
      if (client !== this.#client || this.#stage !== 'running') return next.disconnect();
      this.#client = next;
      client.disconnect();
    });
  }

  /** INFO, because an account may well lack CONFIG. Whoever may not even ask that is not warned. */
  async #lookAtMemory(client: RedisClient): Promise<void> {
    try {
      const server = 'nodes' in client ? client.nodes('master')[0] : client;
      const info = await within(this.parts.config.dialTimeout, server?.info('memory'));
      const policy = info === 'late' ? undefined : parseMemoryPolicy(info.value ?? '');
      const problem = policy && policyProblem(this.parts.roles, policy);
      if (problem !== undefined) this.#log.warn({ problem }, 'Redis is set up for something else');
    } catch {
      // The calls themselves will tell what is wrong.
    }
  }
}

async function tlsOf({ tls }: RedisConfig, log: Log): Promise<TlsFiles | undefined> {
  return tls && (await import('./tls-files.js')).TlsFiles.open(tls, log);
}
