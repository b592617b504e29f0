import { once } from 'node:events';
import { createServer, request as send, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from '@jest/globals';

import { AccessLog } from '#telemetry/access-log.js';
import { logConfig } from '#telemetry/log-config.js';
import { RecordingLog } from '#telemetry/testing/recording-log.js';

import { loggedHandler } from './logged-handler.js';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A server with this handler, and the line of the log that comes next. */
async function serving(handler: RequestListener) {
  const log = new RecordingLog();
  const access = AccessLog.create(logConfig.parse({}), log);
  if (access === undefined) throw new Error('the access log is on by default');
  const lines: Promise<unknown>[] = [];
  server = createServer(loggedHandler(handler, access, () => '192.0.2.1'));
  server.on('request', (_request, response) => lines.push(once(response, 'close')));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const line = async () => {
    await Promise.all(lines);
    return log.lines.at(-1)?.fields;
  };
  return { url: `http://127.0.0.1:${port}/v2/?n=1`, line };
}

describe('loggedHandler', () => {
  it('writes what was asked, answered and sent, with the URL as it came', async () => {
    const { url, line } = await serving((request, response) => {
      request.url = '/rewritten';
      response.writeHead(404).end('nothing');
    });
    await (await fetch(url, { headers: { 'user-agent': 'tester' } })).text();
    const fields = await line();
    expect(fields).toMatchObject({
      method: 'GET',
      url: '/v2/?n=1',
      status: 404,
      client: '192.0.2.1',
      agent: 'tester',
    });
    expect(fields?.['cut']).toBeUndefined();
    expect(fields?.['bytes']).toBeGreaterThan('nothing'.length);
  });

  it('says when the client did not wait for the end', async () => {
    const { url, line } = await serving((_request, response) => {
      response.writeHead(200).write('a beginning');
    });
    const request = send(url).end();
    await once(request, 'response');
    request.destroy();
    await once(request, 'close');
    await expect(line()).resolves.toMatchObject({ status: 200, cut: true });
  });
});
