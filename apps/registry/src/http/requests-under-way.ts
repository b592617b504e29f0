import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Duplex } from 'node:stream';

/** A request and its answer, over either version of HTTP. */
export type Incoming = IncomingMessage | Http2ServerRequest;
export type Outgoing = ServerResponse | Http2ServerResponse;

/** One request, from its head until the last byte in both directions. */
export class Exchange {
  /** Where the watchdog looked last: time and bytes. */
  markTime = 0;
  markBytes = 0;
  answered = false;
  #isCut = false;

  constructor(
    readonly request: Incoming,
    readonly response: Outgoing,
  ) {}

  /** Whether no more of the request can come. */
  get isOver(): boolean {
    const { request } = this;
    return request.complete || request.destroyed || request.socket?.destroyed === true;
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  /** Cuts the exchange: the connection of HTTP/1, the stream of HTTP/2. */
  cut(): void {
    this.#isCut = true;
    if (this.request.httpVersionMajor === 2) {
      (this.request as Http2ServerRequest).stream.destroy();
    } else {
      this.request.socket.destroy();
    }
  }
}

/** What this process is answering at this moment: read by the watchdog and by the drain. */
export class RequestsUnderWay {
  readonly #exchanges = new Set<Exchange>();
  readonly #bySocket = new WeakMap<Duplex, Exchange>();

  get size(): number {
    return this.#exchanges.size;
  }

  [Symbol.iterator](): Iterator<Exchange> {
    return this.#exchanges.values();
  }

  add(request: Incoming, response: Outgoing): void {
    const exchange = new Exchange(request, response);
    this.#exchanges.add(exchange);
    if (request.httpVersionMajor !== 2) this.#bySocket.set(request.socket, exchange);
    response.once('close', () => {
      exchange.answered = true;
      // The rest of a body that nobody wanted is still the watchdog's business.
      if (exchange.isOver) this.#exchanges.delete(exchange);
    });
  }

  /** Whether something was already answered on the connection's last request, so that nothing may be said in between. */
  hasBegunAnswer(socket: Duplex): boolean {
    const exchange = this.#bySocket.get(socket);
    return exchange !== undefined && !exchange.answered && exchange.response.headersSent;
  }

  /** Forgets exchanges whose body came to its end after their answer. */
  sweep(): void {
    for (const exchange of this.#exchanges) {
      if (exchange.answered && exchange.isOver) this.#exchanges.delete(exchange);
    }
  }
}
