import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

import { HttpUpstream, reply } from '../support/proxies/http-upstream.js';
import { ProxyServer } from '../support/proxies/proxy-server.js';

interface Composition {
  readonly sourceObjects: readonly {
    readonly name: string;
    readonly objectPreconditions?: { readonly ifGenerationMatch?: string };
  }[];
}

/**
 * A stub, not a server: what fake-gcs-server lacks of Google's service, in front of it. Composing and removing obey
 * `ifGenerationMatch`, and a component that is missing is 404 and not 500. Everything else passes as it is.
 */
export class GcsConditionsStub {
  readonly #upstream: HttpUpstream;
  /** What goes on with an object, by its path: a condition is looked at and obeyed in one. */
  readonly #under = new Map<string, Promise<void>>();

  private constructor(
    private readonly server: ProxyServer,
    private readonly target: string,
  ) {
    this.#upstream = new HttpUpstream(target);
    server.onRequest((request, response) => this.#pass(request, response));
  }

  /** @param target the `endpoint` of a fake-gcs-server */
  static async start(target: string): Promise<GcsConditionsStub> {
    return new GcsConditionsStub(await ProxyServer.listenHttp({}), target);
  }

  get endpoint(): string {
    return `http://${this.server.host}`;
  }

  async stop(): Promise<void> {
    await this.server.stop();
    this.#upstream.stop();
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.target);
    const match = url.searchParams.get('ifGenerationMatch');
    const named = /^(\/storage\/v1\/b\/[^/]+\/o\/)([^/]+)(\/compose)?$/.exec(url.pathname);
    if (request.method === 'POST' && named?.[3] !== undefined) {
      const body = await buffer(request);
      const folder = named[1] ?? '';
      const path = folder + named[2];
      await this.#alone(path, async () => {
        const { sourceObjects } = JSON.parse(body.toString()) as Composition;
        for (const { name, objectPreconditions } of sourceObjects) {
          const found = await this.#generation(folder + encodeURIComponent(name));
          if (found === undefined) return answer(response, 404);
          const wanted = objectPreconditions?.ifGenerationMatch;
          if (wanted !== undefined && wanted !== found) return answer(response, 412);
        }
        if (!(await this.#holds(path, match))) return answer(response, 412);
        await this.#forward(request, response, body);
      });
    } else if (request.method === 'DELETE' && named !== null && match !== null) {
      await this.#alone(url.pathname, async () => {
        if (!(await this.#holds(url.pathname, match))) return answer(response, 412);
        await this.#forward(request, response);
      });
    } else if (request.method === 'POST' && url.pathname.startsWith('/upload/')) {
      const folder = url.pathname.replace('/upload', '');
      const path = `${folder}/${encodeURIComponent(url.searchParams.get('name') ?? '')}`;
      await this.#alone(path, async () =>
        reply(await this.#upstream.send(request, response), response),
      );
    } else await reply(await this.#upstream.send(request, response), response);
  }

  async #alone(path: string, action: () => Promise<void>): Promise<void> {
    const before = this.#under.get(path) ?? Promise.resolve();
    const now = before.then(action);
    const over = now.catch(() => undefined);
    this.#under.set(path, over);
    await now;
  }

  async #holds(path: string, match: string | null): Promise<boolean> {
    return match === null || ((await this.#generation(path)) ?? '0') === match;
  }

  async #generation(path: string): Promise<string | undefined> {
    const found = await fetch(this.target + path);
    const content = (await found.json()) as { readonly generation?: string };
    return found.ok ? content.generation : undefined;
  }

  async #forward(request: IncomingMessage, response: ServerResponse, body?: Buffer): Promise<void> {
    const { method = 'GET', url = '/', headers } = request;
    const type = headers['content-type'];
    const got = await fetch(this.target + url, {
      method,
      ...(body !== undefined && { body }),
      ...(type !== undefined && { headers: { 'content-type': type } }),
    });
    response.writeHead(got.status, { 'content-type': 'application/json' });
    response.end(Buffer.from(await got.arrayBuffer()));
  }
}

async function answer(response: ServerResponse, status: number): Promise<void> {
  const reason = status === 404 ? 'notFound' : 'conditionNotMet';
  const content = JSON.stringify({
    error: { code: status, message: reason, errors: [{ reason }] },
  });
  response.writeHead(status, { 'content-type': 'application/json' }).end(content);
}
