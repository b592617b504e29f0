import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface Cut {
  /** Which bytes are counted: those of the server's answers, or those of the client's requests. */
  readonly direction: 'answers' | 'requests';
  /** After so many bytes a connection ends. */
  readonly afterBytes: number;
  /** How many connections are cut before the rest is left alone. */
  readonly times: number;
}

/** Passes connections on to a server and ends some of them too early. */
export class CuttingProxy {
  /** How many connections were cut. */
  cuts = 0;
  /** How many bytes of answers came from the server. */
  answered = 0;
  /** How many bytes of requests came from clients. */
  requested = 0;

  private constructor(
    private readonly server: Server,
    private readonly target: number,
    private readonly cut: Cut,
  ) {
    server.on('connection', (client) => this.#connect(client));
  }

  static async start(target: number, cut: Cut): Promise<CuttingProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new CuttingProxy(server, target, cut);
  }

  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  readonly #sockets = new Set<Socket>();

  #connect(client: Socket): void {
    const upstream = connect(this.target, '127.0.0.1');
    let counted = 0;
    for (const socket of [client, upstream]) {
      const other = socket === client ? upstream : client;
      this.#sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.end();
      });
    }
    const watched = this.cut.direction === 'answers' ? upstream : client;
    watched.on('data', (chunk: Buffer) => {
      counted += chunk.length;
      if (counted > this.cut.afterBytes && this.cuts < this.cut.times) {
        this.cuts += 1;
        // An orderly end, not a reset: that would take bytes with it that have arrived already.
        upstream.unpipe(client);
        client.unpipe(upstream);
        client.end();
        upstream.destroy();
      }
    });
    upstream.on('data', (chunk: Buffer) => {
      this.answered += chunk.length;
    });
    client.on('data', (chunk: Buffer) => {
      this.requested += chunk.length;
    });
    client.pipe(upstream);
    upstream.pipe(client);
  }
}
