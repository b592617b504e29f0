import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Log } from '#telemetry/log.js';

import { withoutSlashOfProbe } from '../http/fold-repository-name.js';
import type { HttpConfig } from '../http/http-config.js';
import { listenAddress, listenError, removeStaleSocket } from '../http/listen-address.js';
import { metricsContentType } from '../metrics/process-metrics.js';
import { failuresIn, readinessOf, startupOf } from './debug-answers.js';
import type { ProcessReports } from './process-reports.js';

interface DebugAnswer {
  readonly good: boolean;
  readonly type: string;
  readonly text: string;
}

type Route = () => Promise<DebugAnswer>;

const key = 'http.debug.addr';

export interface DebugServer {
  /** Undefined on a unix socket. */
  readonly port: number | undefined;
  close(): Promise<void>;
}

/**
 * The second address, for people and machines that watch: health with its reasons, and metrics. Nothing here tells the
 * configuration, and nothing keeps the process alive.
 *
 * @returns undefined where none is configured
 * @throws {StartupError} if it cannot listen
 */
export async function startDebugServer(
  { addr, prometheus }: HttpConfig['debug'],
  reports: ProcessReports,
  log: Log,
): Promise<DebugServer | undefined> {
  if (addr === undefined) return undefined;
  const address = listenAddress({ addr, net: addr.startsWith('/') ? 'unix' : 'tcp' });
  await removeStaleSocket(address, key);
  const routes = routesOf(reports, prometheus.enabled ? prometheus.path : undefined);
  const server = createServer((request, response) => void answer(routes, request, response, log));
  server.maxConnections = 256;
  try {
    server.listen(address);
    await once(server, 'listening');
  } catch (error) {
    throw listenError(error as NodeJS.ErrnoException, key, addr);
  }
  server.on('error', (error) => log.error({ error }, 'debug address'));
  server.unref();
  return { port: portOf(server), close: () => close(server) };
}

function routesOf(reports: ProcessReports, metricsPath: string | undefined): Map<string, Route> {
  const routes = new Map<string, Route>([
    ['/startupz', async () => json(startupOf(await reports.health()))],
    ['/livez', async () => json({ good: true, body: { status: 'ok' } })],
    ['/readyz', async () => json(readinessOf(await reports.health()))],
    ['/debug/health', async () => json(failuresIn(await reports.health()))],
  ]);
  if (metricsPath !== undefined) {
    routes.set(metricsPath.startsWith('/') ? metricsPath : `/${metricsPath}`, async () => ({
      good: true,
      type: metricsContentType,
      text: await reports.metrics(),
    }));
  }
  return routes;
}

async function answer(
  routes: ReadonlyMap<string, Route>,
  request: IncomingMessage,
  response: ServerResponse,
  log: Log,
): Promise<void> {
  request.resume();
  const [path = ''] = (request.url ?? '').split('?', 1);
  const route = routes.get(withoutSlashOfProbe(path));
  if (route === undefined) {
    send(response, 404, 'text/plain', `${[...routes.keys()].join('\n')}\n`);
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    send(response, 405, 'text/plain', 'GET or HEAD\n');
  } else {
    try {
      const { good, type, text } = await route();
      send(response, good ? 200 : 503, type, text);
    } catch (error) {
      log.error({ path, error }, 'request to the debug address failed');
      send(response, 500, 'text/plain', 'failed; the log tells more\n');
    }
  }
}

function json({ good, body }: { readonly good: boolean; readonly body: unknown }): DebugAnswer {
  return { good, type: 'application/json', text: JSON.stringify(body) };
}

function send(response: ServerResponse, status: number, type: string, text: string): void {
  response
    .writeHead(status, {
      'content-type': type,
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-store',
    })
    .end(text);
}

function portOf(server: Server): number | undefined {
  const address = server.address() as AddressInfo | string | null;
  return typeof address === 'object' ? address?.port : undefined;
}

async function close(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  if (server.listening) await once(server, 'close');
}
