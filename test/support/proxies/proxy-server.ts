import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, type Server, type Socket } from 'node:net';

import type { ListenOptions } from '../servers/real-server.js';

export type Listener = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** A listening server with its connections, all of which end with it. */
export class ProxyServer {
  readonly sockets = new Set<Socket>();
  readonly address: string;
  readonly port: number;

  private constructor(private readonly server: Server) {
    const { address, port } = server.address() as AddressInfo;
    this.address = address;
    this.port = port;
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.sockets.delete(socket));
    });
  }

  static async listen(server: Server, options: ListenOptions): Promise<ProxyServer> {
    const { address = '127.0.0.1', port = 0 } = options;
    server.listen(port, address);
    await once(server, 'listening');
    return new ProxyServer(server);
  }

  /** Speaks HTTP, with no limit of time of its own: the two ends close what they do not need. */
  static listenHttp(options: ListenOptions): Promise<ProxyServer> {
    const unlimited = { requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0 };
    return ProxyServer.listen(createServer(unlimited), options);
  }

  get host(): string {
    return `${this.address}:${this.port}`;
  }

  onConnection(listener: (socket: Socket) => void): void {
    this.server.on('connection', listener);
  }

  onRequest(listener: Listener): void {
    const serve = (request: IncomingMessage, response: ServerResponse) => {
      listener(request, response).catch((error: unknown) => {
        // One of the two ends broke off, so the other sees its connection break too.
        request.socket.resetAndDestroy();
        if (typeof error !== 'object' || error === null || !('code' in error)) throw error;
      });
    };
    // Whether a client is to send its body is for the server behind to say.
    this.server.on('request', serve).on('checkContinue', serve);
  }

  /** Takes no new connections, as if nobody listened. */
  async refuse(): Promise<void> {
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    this.cut();
    await closed;
  }

  /** Listens again, on the same port. */
  async accept(): Promise<void> {
    if (this.server.listening) return;
    this.server.listen(this.port, this.address);
    await once(this.server, 'listening');
  }

  /** Breaks all connections; new ones may come. */
  cut(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    await closed;
  }
}
