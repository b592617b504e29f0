import type { IncomingMessage, ServerResponse } from 'node:http';
import { Transform } from 'node:stream';

import type { ListenOptions } from '../servers/real-server.js';
import { HttpUpstream, reply } from './http-upstream.js';
import { ProxyServer } from './proxy-server.js';
import { s3Operation } from './s3-operation.js';

export interface CountingProxyOptions extends ListenOptions {
  /** What a request is counted as: its S3 operation when absent. */
  readonly nameOf?: (request: IncomingMessage) => string;
}

/** Bytes of bodies, without headers and HTTP's own framing. */
export interface Traffic {
  readonly requests: number;
  readonly sent: number;
  readonly received: number;
}

/** Counts what clients ask of a server, and changes nothing of it. */
export class CountingProxy {
  readonly #traffic = new Map<string, { requests: number; sent: number; received: number }>();

  private constructor(
    private readonly server: ProxyServer,
    private readonly upstream: HttpUpstream,
    private readonly nameOf: (request: IncomingMessage) => string,
  ) {
    server.onRequest((request, response) => this.#pass(request, response));
  }

  /** @param target `ADDRESS:PORT` or `http://ADDRESS:PORT` */
  static async start(
    target: string,
    { nameOf = s3Operation, ...listen }: CountingProxyOptions = {},
  ): Promise<CountingProxy> {
    const server = await ProxyServer.listenHttp(listen);
    return new CountingProxy(server, new HttpUpstream(target), nameOf);
  }

  /** `ADDRESS:PORT` */
  get host(): string {
    return this.server.host;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  /** Requests by name since the last reset, in the order of their names. */
  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(
      Object.entries(this.traffic()).map(([name, { requests }]) => [name, requests]),
    );
  }

  /** All that was counted since the last reset, by name. */
  traffic(): Readonly<Record<string, Traffic>> {
    const names = [...this.#traffic].toSorted(([one], [other]) => (one < other ? -1 : 1));
    return Object.fromEntries(names.map(([name, counted]) => [name, { ...counted }]));
  }

  /** All that was counted since the last reset, added up. */
  total(): Traffic {
    const total = { requests: 0, sent: 0, received: 0 };
    for (const { requests, sent, received } of this.#traffic.values()) {
      total.requests += requests;
      total.sent += sent;
      total.received += received;
    }
    return total;
  }

  reset(): void {
    this.#traffic.clear();
  }

  async stop(): Promise<void> {
    await this.server.stop();
    this.upstream.stop();
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const counted = this.#counted(this.nameOf(request));
    counted.requests += 1;
    const sent = counting((bytes) => (counted.sent += bytes));
    const received = counting((bytes) => (counted.received += bytes));
    const answer = await this.upstream.send(request, response, [sent]);
    await reply(answer, response, { through: [received] });
  }

  #counted(name: string): { requests: number; sent: number; received: number } {
    const counted = this.#traffic.get(name) ?? { requests: 0, sent: 0, received: 0 };
    this.#traffic.set(name, counted);
    return counted;
  }
}

function counting(add: (bytes: number) => void): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      add(chunk.length);
      done(null, chunk);
    },
  });
}
