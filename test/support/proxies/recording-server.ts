import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** Whether the body came to its end. */
  readonly complete: boolean;
}

/** A server behind a proxy under test: it remembers what came, and answers as an object store might. */
export class RecordingServer {
  readonly received: Received[] = [];
  /** What every answer is. */
  body = '<Result><ETag>"1"</ETag></Result>';

  private constructor(private readonly server: Server) {
    server.on('request', (request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('error', () => undefined);
      request.on('close', () => {
        const { method = '', url = '', headers, complete } = request;
        this.received.push({ method, url, headers, body, complete });
        if (!complete) return;
        response.setHeader('etag', '"1"').setHeader('content-type', 'application/xml');
        response.setHeader('content-length', Buffer.byteLength(this.body));
        response.end(method === 'HEAD' ? '' : this.body);
      });
    });
  }

  static async start(): Promise<RecordingServer> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new RecordingServer(server);
  }

  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
