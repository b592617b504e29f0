import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface RedisTraffic {
  readonly commands: number;
  /** Times that a client wrote after Redis had answered what it was asked before: what is sent together counts once. */
  readonly roundTrips: number;
}

/** Counts what clients ask of a Redis, and changes nothing of it. */
export class RedisCounter {
  #commands = 0;
  #roundTrips = 0;
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly target: { readonly host: string; readonly port: number },
  ) {
    server.on('connection', (client) => this.#relay(client));
  }

  static async start(target: { host: string; port: number }): Promise<RedisCounter> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new RedisCounter(server, target);
  }

  /** `ADDRESS:PORT` */
  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  counts(): RedisTraffic {
    return { commands: this.#commands, roundTrips: this.#roundTrips };
  }

  reset(): void {
    this.#commands = 0;
    this.#roundTrips = 0;
  }

  async stop(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #relay(client: Socket): void {
    const redis = connect(this.target.port, this.target.host);
    const requests = new RequestReader();
    let answered = true;
    client.on('data', (data) => {
      this.#commands += requests.read(data);
      if (answered) this.#roundTrips += 1;
      answered = false;
      redis.write(data);
    });
    redis.on('data', (data) => {
      answered = true;
      client.write(data);
    });
    for (const [socket, other] of [
      [client, redis],
      [redis, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
  }
}

/** Finds the ends of commands, which are arrays of strings with their lengths in front. */
class RequestReader {
  #rest: Buffer = Buffer.alloc(0);
  #words = 0;

  /** @returns how many commands end in these bytes */
  read(data: Buffer): number {
    this.#rest = Buffer.concat([this.#rest, data]);
    let commands = 0;
    for (;;) {
      const end = this.#rest.indexOf('\r\n');
      if (end === -1) return commands;
      const [kind, length] = [this.#rest[0], Number(this.#rest.toString('latin1', 1, end))];
      if (kind === star) {
        this.#words = length;
        this.#rest = this.#rest.subarray(end + 2);
        continue;
      }
      const next = end + 2 + length + 2;
      if (this.#rest.length < next) return commands;
      this.#rest = this.#rest.subarray(next);
      this.#words -= 1;
      if (this.#words === 0) commands += 1;
    }
  }
}

const star = '*'.charCodeAt(0);
