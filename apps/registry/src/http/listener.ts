import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import {
  createServer as createHttp2Server,
  type Http2Server,
  type ServerHttp2Session,
} from 'node:http2';
import { createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net';
import {
  createServer as createTlsServer,
  type Server as TlsServer,
  type TLSSocket,
} from 'node:tls';

import {
  expectationFailed,
  noTunnel,
  refusalOf,
  refuseConnection,
  refuseRequest,
  uriTooLong,
} from './broken-requests.js';
import type { Door } from './drain.js';
import type { HttpConfig } from './http-config.js';
import { listenAddress, listenError } from './listen-address.js';
import { httpVersion, peek, tlsPurpose } from './peek-protocol.js';
import { RequestHead } from './request-head.js';
import { type Incoming, type Outgoing, RequestsUnderWay } from './requests-under-way.js';
import { clientAuthOptions, mayConnect, type TlsContext } from './tls-settings.js';

/** Small enough that a timeout is kept within a fifth; Node's 30 s would make 15 s mean up to 45. */
const checkIntervalMs = 3000;
const mostStreams = 64;
/** What so many may hold at once, a window in and two buffers out each; beyond it Node refuses streams. */
const sessionMegabytes = 64;

/**
 * The one port of a process. HTTP/1.1; over TLS HTTP/2 beside it by ALPN; without TLS HTTP/2 beside it by prior knowledge
 * (`http.h2c.enabled`). Whatever is wrong with a request before it is one is answered here, in the spec's words.
 */
export class Listener implements Door {
  /** The socket that listens. Fastify takes it as its server. */
  readonly front: NetServer;
  readonly underWay = new RequestsUnderWay();
  readonly #head = new RequestHead();
  readonly #config: HttpConfig;
  readonly #http1: Server;
  readonly #http2: Http2Server | undefined;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #sockets = new Set<Socket>();
  #handler: RequestListener = (_request, response) => response.writeHead(503).end();
  #tls: TlsServer | undefined;
  #ending = false;

  /**
   * @param tls speaks TLS, and nothing else, where it is given.
   * @param challenges answers certificate authorities that look for what they asked for (ACME, tls-alpn-01).
   */
  constructor(config: HttpConfig, tls?: TlsContext, challenges?: NetServer) {
    this.#config = config;
    this.#http1 = this.#createHttp1();
    this.#http2 = this.#wantsHttp2(tls !== undefined) ? this.#createHttp2() : undefined;
    this.front = this.#createFront(tls, challenges);
    this.front.maxConnections = config.limits.connections;
    this.front.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** For the `createServer` of the application: plugs its handler in. */
  readonly createServer = (handler: RequestListener): Server => {
    this.#handler = handler;
    // The front has what Fastify calls: `on`, `listen`, `address`, `close`.
    return this.front as Server;
  };

  get busy(): number {
    this.underWay.sweep();
    return this.underWay.size;
  }

  get open(): number {
    return this.#sockets.size;
  }

  /** Listens on `http.addr`, or on another address that has its own key. */
  async listen(addr = this.#config.addr, key = 'http.addr'): Promise<void> {
    const net = key === 'http.addr' ? this.#config.net : addr.startsWith('/') ? 'unix' : 'tcp';
    // Fastify's own answer to broken requests came with the handler.
    this.#http1.removeAllListeners('clientError');
    this.#http1.on('clientError', this.#onClientError);
    await new Promise<void>((resolve, reject) => {
      this.front.once('error', (error) => reject(listenError(error, key, addr)));
      this.front.listen(listenAddress({ addr, net }), resolve);
    });
    if (this.#http1 !== this.front) this.#http1.emit('listening');
  }

  /** New connections take the new certificate; those that are open keep theirs. */
  setSecureContext(context: TlsContext): void {
    this.#tls?.setSecureContext(context);
  }

  announceEnd(): void {
    this.#ending = true;
    for (const { response } of this.underWay) this.#endAfter(response);
  }

  close(): void {
    this.front.close();
    if (this.#http1 !== this.front) this.#http1.close();
    this.closeIdle();
  }

  closeIdle(): void {
    this.#http1.closeIdleConnections();
    for (const session of this.#sessions) session.close();
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #wantsHttp2(secure: boolean): boolean {
    return secure ? !this.#config.http2.disabled : this.#config.h2c.enabled;
  }

  #createFront(tls: TlsContext | undefined, challenges: NetServer | undefined): NetServer {
    const http2 = this.#http2;
    if (tls === undefined) {
      if (http2 === undefined) return this.#http1;
      return createNetServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
        peek(socket, this.#config.limits.headertimeout, httpVersion, (version) => {
          (version === 'h2' ? http2 : this.#http1).emit('connection', socket);
        });
      });
    }
    const secure = this.#createTls(tls);
    this.#tls = secure;
    if (challenges === undefined) return secure;
    return createNetServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      peek(socket, this.#config.limits.headertimeout, tlsPurpose, (purpose) => {
        (purpose === 'acme-challenge' ? challenges : secure).emit('connection', socket);
      });
    });
  }

  #createTls(tls: TlsContext): TlsServer {
    const options = {
      ...tls,
      ...clientAuthOptions(this.#config.tls),
      ALPNProtocols: this.#http2 === undefined ? ['http/1.1'] : ['h2', 'http/1.1'],
      handshakeTimeout: this.#config.limits.headertimeout,
      noDelay: true,
      allowHalfOpen: true,
    };
    const server = createTlsServer(options, (socket) => {
      if (!mayConnect(this.#config.tls, socket)) socket.destroy();
      else this.#serverFor(socket).emit('connection', socket);
    });
    return server.on('tlsClientError', (_error, socket) => socket.destroy());
  }

  #serverFor(socket: TLSSocket): NetServer {
    return socket.alpnProtocol === 'h2' && this.#http2 ? this.#http2 : this.#http1;
  }

  #createHttp1(): Server {
    const { headers, limits } = this.#config;
    const server = createHttpServer({
      requestTimeout: 0,
      headersTimeout: limits.headertimeout,
      keepAliveTimeout: limits.keepalivetimeout,
      connectionsCheckingInterval: checkIntervalMs,
      maxHeaderSize: limits.headersize,
      // Answered in the spec's words instead.
      requireHostHeader: false,
      noDelay: true,
    });
    server.on('request', this.#onRequest);
    server.on('checkExpectation', (_request, response) =>
      refuseRequest(response, expectationFailed, headers),
    );
    server.on('connect', (_request, socket) => refuseConnection(socket, noTunnel, headers));
    return server;
  }

  #createHttp2(): Http2Server {
    const { limits } = this.#config;
    const server = createHttp2Server({
      // A client that resets what it opens is told to go: nghttp2 keeps count (CVE-2023-44487), and so do these.
      maxSessionInvalidFrames: 100,
      maxSessionRejectedStreams: 100,
      maxSessionMemory: sessionMegabytes,
      settings: {
        maxConcurrentStreams: mostStreams,
        maxHeaderListSize: limits.headersize,
        initialWindowSize: 256 * 1024,
        enablePush: false,
      },
    });
    server.on('session', (session) => {
      session.setLocalWindowSize(1024 * 1024);
      this.#sessions.add(session);
      session.once('close', () => this.#sessions.delete(session));
      // As the keep-alive of HTTP/1.1: streams that are open finish.
      session.setTimeout(limits.keepalivetimeout, () => {
        if (this.#isIdle(session)) session.close();
      });
    });
    server.on('sessionError', () => undefined);
    server.on('request', this.#onRequest);
    return server;
  }

  #isIdle(session: ServerHttp2Session): boolean {
    for (const { request } of this.underWay) {
      if ('stream' in request && request.stream.session === session) return false;
    }
    return true;
  }

  readonly #onRequest = (request: Incoming, response: Outgoing): void => {
    this.underWay.add(request, response);
    if (this.#ending) this.#endAfter(response);
    const isLong = (request.url ?? '').length > this.#config.limits.urlsize;
    const refusal = isLong ? uriTooLong : this.#head.refusalOf(request);
    if (refusal !== undefined) {
      refuseRequest(response, refusal, this.#config.headers);
    } else {
      // Fastify asks of a request and its answer only what both versions have.
      Reflect.apply(this.#handler, this.front, [request, response]);
    }
  };

  readonly #onClientError = (error: NodeJS.ErrnoException, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || socket.destroyed || this.underWay.hasBegunAnswer(socket)) {
      socket.destroy();
    } else if (!socket.writableEnded) {
      refuseConnection(socket, refusalOf(error), this.#config.headers);
    }
  };

  #endAfter(response: Outgoing): void {
    if (!response.headersSent && 'shouldKeepAlive' in response) response.shouldKeepAlive = false;
  }
}
