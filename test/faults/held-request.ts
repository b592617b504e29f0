import { once } from 'node:events';
import { type Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';

import { digestOf, locationOf } from './http-pusher.js';

export interface HeldAnswer {
  readonly status: number;
  /** Path and query; undefined where the answer has none. */
  readonly location: string | undefined;
  readonly body: string;
}

/** A request whose body comes when the test says so, chunked; the connection is held open until then. */
export class HeldRequest {
  readonly answer: Promise<HeldAnswer>;
  private readonly outgoing: ClientRequest;
  private readonly closed: Promise<void>;

  constructor(agent: Agent, url: string, method: string, path: string) {
    this.outgoing = request(new URL(path, url), {
      agent,
      method,
      headers: { 'content-type': 'application/octet-stream' },
    });
    this.answer = new Promise((resolve, reject) => {
      this.outgoing.on('response', (response) => resolve(read(response)));
      // The registry may close the connection before it has read all of the body.
      this.outgoing.on('error', (error) =>
        reject(new Error(`${method} ${path}`, { cause: error })),
      );
      this.outgoing.on('close', () => reject(new Error(`${method} ${path} was closed`)));
    });
    this.closed = new Promise((resolve) => this.outgoing.on('close', resolve));
    this.answer.catch(() => undefined);
  }

  /** Sends a part of the body; when it is with the operating system, or will never be. */
  send(bytes: Buffer): Promise<void> {
    const sent = new Promise<void>((resolve) => this.outgoing.write(bytes, () => resolve()));
    return Promise.race([sent, this.closed]);
  }

  end(): void {
    this.outgoing.end();
  }

  /** Ends the connection instead of the request. */
  cut(): void {
    this.outgoing.destroy();
  }
}

async function read(response: IncomingMessage): Promise<HeldAnswer> {
  const chunks: Buffer[] = [];
  response.on('data', (chunk: Buffer) => chunks.push(chunk));
  if (!response.closed) await once(response, 'close');
  const { location } = response.headers;
  return {
    status: response.statusCode ?? 0,
    location: location && locationOf(location),
    body: Buffer.concat(chunks).toString(),
  };
}

/** The path that commits what is at a Location. */
export function commitPath(location: string, bytes: Buffer): string {
  return `${location}${location.includes('?') ? '&' : '?'}digest=${digestOf(bytes)}`;
}
