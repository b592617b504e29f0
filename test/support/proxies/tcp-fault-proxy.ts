import { connect, createServer, type Socket } from 'node:net';
import { Transform, type TransformCallback } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

import type { ListenOptions } from '../servers/real-server.js';
import type { Direction } from './fault.js';
import { ProxyServer } from './proxy-server.js';

/** What one direction of a connection holds back before its sender has to wait. */
const heldBytes = 1024 * 1024;

/** Stands before a server of any protocol, such as Redis, and breaks connections in ways that may change at any time. */
export class TcpFaultProxy {
  /** Connections that clients have made. */
  connections = 0;
  /** Connections that were cut after so many bytes. */
  cuts = 0;
  readonly #upstreams = new Set<Socket>();
  readonly #port: number;
  readonly #hostname: string;
  #latency = 0;
  #gate: PromiseWithResolvers<void> | undefined;
  #cut: { readonly direction: Direction; readonly bytes: number } | undefined;

  private constructor(
    private readonly server: ProxyServer,
    target: string,
  ) {
    const { hostname, port } = new URL(`tcp://${target}`);
    this.#hostname = hostname;
    this.#port = Number(port);
    server.onConnection((client) => this.#connect(client));
  }

  /** @param target `ADDRESS:PORT` */
  static async start(target: string, options: ListenOptions = {}): Promise<TcpFaultProxy> {
    const server = createServer({ allowHalfOpen: true });
    return new TcpFaultProxy(await ProxyServer.listen(server, options), target);
  }

  /** `ADDRESS:PORT` */
  get host(): string {
    return this.server.host;
  }

  get port(): number {
    return this.server.port;
  }

  /** Each piece comes so much later, in both directions; 0 ends it. */
  delay(ms: number): void {
    this.#latency = ms;
  }

  /** Nothing passes, in open connections and in new ones, until `resume`. */
  pause(): void {
    this.#gate ??= Promise.withResolvers();
  }

  resume(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  /** Resets all open connections. */
  cut(): void {
    this.server.cut();
    for (const upstream of this.#upstreams) upstream.destroy();
  }

  /** Ends each connection once so many bytes of it have passed, those of open ones included. */
  cutAfter(direction: Direction, bytes: number): void {
    this.#cut = { direction, bytes };
  }

  /** Resets all open connections, and refuses new ones until `accept`. */
  refuse(): Promise<void> {
    return this.server.refuse();
  }

  accept(): Promise<void> {
    return this.server.accept();
  }

  /** Ends every fault. */
  async heal(): Promise<void> {
    this.delay(0);
    this.resume();
    this.#cut = undefined;
    await this.accept();
  }

  async stop(): Promise<void> {
    this.resume();
    await this.server.stop();
    for (const upstream of this.#upstreams) upstream.destroy();
  }

  #connect(client: Socket): void {
    this.connections += 1;
    const upstream = connect({ host: this.#hostname, port: this.#port, allowHalfOpen: true });
    this.#upstreams.add(upstream);
    upstream.on('close', () => this.#upstreams.delete(upstream));
    upstream.on('error', () => client.resetAndDestroy());
    client.on('error', () => upstream.resetAndDestroy());
    client.on('close', () => upstream.destroySoon());
    upstream.on('close', () => client.destroySoon());
    this.#pass('request', client, upstream);
    this.#pass('answer', upstream, client);
  }

  #pass(direction: Direction, from: Socket, to: Socket): void {
    let passed = 0;
    const held = new Held(
      () => this.#latency,
      () => this.#gate?.promise,
      (chunk) => {
        const limit = this.#cut?.direction === direction ? this.#cut.bytes : Infinity;
        const allowed = chunk.subarray(0, Math.max(0, limit - passed));
        passed += allowed.length;
        if (allowed.length === chunk.length) return chunk;
        this.cuts += 1;
        // What was passed must arrive: a reset would take it back.
        to.write(allowed);
        to.destroySoon();
        from.resetAndDestroy();
        return undefined;
      },
    );
    from.pipe(held).pipe(to);
  }
}

/** Passes each chunk when it is due and the gate is open, in order. */
class Held extends Transform {
  #before: Promise<void> = Promise.resolve();
  #bytes = 0;

  constructor(
    private readonly latency: () => number,
    private readonly gate: () => Promise<void> | undefined,
    private readonly allowed: (chunk: Buffer) => Buffer | undefined,
  ) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#bytes += chunk.length;
    this.#before = this.#pass(this.#before, chunk, performance.now() + this.latency());
    if (this.#bytes < heldBytes) done();
    else void this.#callAfter(done);
  }

  override _flush(done: TransformCallback): void {
    void this.#callAfter(done);
  }

  async #callAfter(done: TransformCallback): Promise<void> {
    await this.#before;
    done();
  }

  async #pass(before: Promise<void>, chunk: Buffer, due: number): Promise<void> {
    await before;
    const wait = due - performance.now();
    if (wait > 0) await delay(wait);
    await this.gate();
    this.#bytes -= chunk.length;
    const allowed = this.destroyed ? undefined : this.allowed(chunk);
    if (allowed !== undefined) this.push(allowed);
  }
}
