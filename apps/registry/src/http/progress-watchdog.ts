import type { Socket } from 'node:net';

import type { Log } from '#telemetry/log.js';

import type { HttpConfig } from './http-config.js';
import type { Exchange, RequestsUnderWay } from './requests-under-way.js';

type Limits = Pick<HttpConfig['limits'], 'stalltimeout' | 'stallbytes'>;

/**
 * A reader moves in the large steps of the socket buffers on both sides, so that minutes may pass between two that this
 * side can see; a body that is sent moves with every packet.
 */
const readerPatience = 5;

/**
 * Cuts requests whose body, and answers whose reader, stand still; never one that is merely long. One timer per process.
 * What waits for us, for the disk or for a lock, is never cut: only bytes that the client owes count.
 */
export class ProgressWatchdog {
  readonly #limits: Limits;
  readonly #underWay: RequestsUnderWay;
  readonly #log: Pick<Log, 'info'>;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  #cuts = 0;

  constructor(
    limits: Limits,
    underWay: RequestsUnderWay,
    log: Pick<Log, 'info'>,
    now: () => number = () => performance.now(),
  ) {
    this.#limits = limits;
    this.#underWay = underWay;
    this.#log = log;
    this.#now = now;
  }

  /** How many exchanges were cut since the start. */
  get cuts(): number {
    return this.#cuts;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.look(), this.#limits.stalltimeout / 4).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** One round; the timer's, and the tests'. */
  look(): void {
    const now = this.#now();
    this.#underWay.sweep();
    for (const exchange of this.#underWay) this.#check(exchange, now);
  }

  #check(exchange: Exchange, now: number): void {
    const receiving = owesBody(exchange);
    const sending = !receiving && owesReading(exchange);
    if (exchange.isCut || (!receiving && !sending)) {
      exchange.markTime = 0;
      return;
    }
    const socket = exchange.request.socket as Socket;
    const bytes = receiving ? socket.bytesRead : taken(socket);
    const span = this.#limits.stalltimeout * (receiving ? 1 : readerPatience);
    const enough = receiving ? this.#limits.stallbytes : 1;
    if (exchange.markTime === 0 || bytes - exchange.markBytes >= enough) {
      exchange.markTime = now;
      exchange.markBytes = bytes;
    } else if (now - exchange.markTime >= span) {
      this.#cuts++;
      const { method, socket: peer } = exchange.request;
      this.#log.info(
        { method, peer: peer.remoteAddress, direction: receiving ? 'request' : 'response' },
        'connection cut: its body made no progress within http.limits.stalltimeout',
      );
      exchange.cut();
    }
  }
}

/** Whether we wait for bytes of the request's body. While read bytes lie here unused, it is us who are slow. */
function owesBody({ request }: Exchange): boolean {
  return !request.complete && !request.destroyed && request.readableLength === 0;
}

/** Whether bytes of the answer wait for the client. */
function owesReading({ request, response }: Exchange): boolean {
  if (response.destroyed || !response.headersSent) return false;
  const socket = request.socket as Socket;
  return (
    response.writableLength > 0 ||
    socket.writableLength > 0 ||
    inHandle(socket, 'writeQueueSize') > 0
  );
}

/**
 * Bytes that the kernel has taken for the client. The public `bytesWritten` counts a write as made when it begins; a large
 * one to a slow reader takes minutes.
 */
function taken(socket: Socket): number {
  return inHandle(socket, 'bytesWritten') - inHandle(socket, 'writeQueueSize');
}

function inHandle(socket: Socket, figure: 'bytesWritten' | 'writeQueueSize'): number {
  // Below TLS, where what was encrypted waits for the kernel.
  const raw: unknown = Reflect.get(socket, '_parent') ?? socket;
  const handle: unknown = typeof raw === 'object' && raw !== null && Reflect.get(raw, '_handle');
  if (typeof handle !== 'object' || handle === null) return 0;
  const size: unknown = Reflect.get(handle, figure);
  return typeof size === 'number' ? size : 0;
}
