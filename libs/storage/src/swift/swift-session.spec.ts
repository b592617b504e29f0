import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { StorageRefused } from '../bucket/object-store.js';
import { swiftConfig } from './swift-config.js';
import { SwiftHttp } from './swift-http.js';
import { SwiftSession } from './swift-session.js';

interface Stubbed {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: object;
}

/* A stub stands for servers that hand out tokens: Keystone's version 2 is gone, and no real token expires in a test. */
describe('a session', () => {
  let server: Server;
  let http: SwiftHttp;
  let url: string;
  let answer: (request: IncomingMessage, body: string) => Stubbed;
  let logins: { path: string | undefined; body: unknown }[];

  beforeEach(async () => {
    logins = [];
    server = createServer((request, response) => {
      void text(request).then((body) => {
        logins.push({ path: request.url, body: body === '' ? undefined : JSON.parse(body) });
        const { status = 200, headers = {}, body: content = {} } = answer(request, body);
        response.writeHead(status, headers).end(JSON.stringify(content));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    http = new SwiftHttp({ insecureSkipVerify: false, stallTimeout: 5000 });
  });
  afterEach(async () => {
    await http.close();
    await new Promise((resolve) => server.close(resolve));
  });

  const session = (keys: object, now?: () => number) =>
    new SwiftSession(
      http,
      swiftConfig.parse({ username: 'u', password: 's3cret', container: 'c', ...keys }),
      now,
    );

  const first = (expires?: number): Stubbed => ({
    headers: {
      'x-storage-url': `${url}/v1/AUTH_u/`,
      'x-auth-token': `token-${logins.length}`,
      ...(expires === undefined ? {} : { 'x-auth-token-expires': String(expires) }),
    },
  });

  it('logs in once for all who ask at the same time', async () => {
    answer = () => first();
    const one = session({ authurl: `${url}/auth/v1.0` });
    const all = await Promise.all(Array.from({ length: 20 }, () => one.current()));
    expect(new Set(all.map(({ token }) => token))).toEqual(new Set(['token-1']));
    expect(all[0]?.storageUrl).toBe(`${url}/v1/AUTH_u`);
    expect(logins).toHaveLength(1);
  });

  it('gets the next token before the last one expires, and lets nobody wait for it', async () => {
    const start = Date.now();
    let now = start;
    answer = () => first(3600);
    const one = session({ authurl: `${url}/auth/v1.0` }, () => now);
    expect((await one.current()).token).toBe('token-1');
    now = start + 54 * 60_000;
    expect((await one.current()).token).toBe('token-1');
    expect(logins).toHaveLength(1);
    now = start + 56 * 60_000;
    answer = () => ({ status: 503 });
    expect((await one.current()).token).toBe('token-1');
    answer = () => first(3600);
    now = start + 61 * 60_000;
    await one.current().catch(() => undefined);
    expect((await one.current()).token).toBe(`token-${logins.length}`);
  });

  it('gets another token when one is forgotten, and only then', async () => {
    answer = () => first();
    const one = session({ authurl: `${url}/auth/v1.0` });
    const login = await one.current();
    one.forget(login);
    expect((await one.current()).token).toBe('token-2');
    one.forget(login);
    expect((await one.current()).token).toBe('token-2');
  });

  it('speaks version 2', async () => {
    answer = () => ({
      body: {
        access: {
          token: { id: 'token', expires: '2100-01-01T00:00:00Z' },
          serviceCatalog: [
            { type: 'compute', endpoints: [{ region: 'a', publicURL: 'http://compute' }] },
            {
              type: 'object-store',
              endpoints: [
                { region: 'a', publicURL: 'http://a/v1', internalURL: 'http://a.internal/v1' },
                { region: 'b', publicURL: 'http://b/v1', internalURL: 'http://b.internal/v1/' },
              ],
            },
          ],
        },
      },
    });
    const keys = { authurl: `${url}/v2.0/`, tenant: 't', region: 'b', endpointtype: 'internal' };
    expect(await session(keys).current()).toEqual({
      storageUrl: 'http://b.internal/v1',
      token: 'token',
      expiresAt: Date.UTC(2100, 0),
    });
    const auth = {
      passwordCredentials: { username: 'u', password: 's3cret' },
      tenantName: 't',
    };
    expect(logins).toEqual([{ path: '/v2.0/tokens', body: { auth } }]);
  });

  it.each([
    ['something else', { status: 200 }],
    ['a choice of versions', { status: 300 }],
    ['a page that is not there', { status: 404 }],
    ['a refusal', { status: 401 }],
  ])('says which keys to look at when %s answers', async (_what, stubbed) => {
    answer = () => stubbed;
    for (const version of ['auth/v1.0', 'v2.0', 'v3']) {
      const problem: unknown = await session({ authurl: `${url}/${version}` })
        .current()
        .catch((error: unknown) => error);
      expect(problem).toBeInstanceOf(StorageRefused);
      expect(String(problem)).toMatch(/storage\.swift\.(authurl|username)/);
      expect(String(problem)).not.toContain('s3cret');
    }
  });
});
