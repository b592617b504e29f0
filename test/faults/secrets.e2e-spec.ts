import { writeFile } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { freePort } from '../support/free-port.js';
import { startHoldfast, type Holdfast } from '../support/holdfast.js';
import { basic, writeHtpasswd } from '../support/htpasswd.js';
import { TempDir } from '../support/temp-dir.js';

jest.setTimeout(60_000);

const canaries = {
  password: 'Canary-password+/=1',
  secret: 'Canary-http-secret+/=2',
  check: 'Canary-check-header+/=3',
  redis: 'Canary-redis+/=4',
  webhook: 'Canary-webhook+/=5',
  signature: 'Canary-signature+/=6',
  token: 'Canary-token+/=7',
};

/** As it is, and as it looks in a URL, in `Authorization`, and in JSON within text. */
function disguises(text: string): readonly string[] {
  const base64 = Buffer.from(text).toString('base64').replace(/=+$/, '');
  return [
    text,
    encodeURIComponent(text),
    base64,
    base64.slice(2, -2),
    JSON.stringify(text).slice(1, -1),
  ];
}

interface Ask {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

describe('S1, S2: secrets', () => {
  let folder: TempDir;
  let holdfast: Holdfast;
  let debugUrl: string;
  const states: string[] = [];
  const bodies: string[] = [];

  beforeAll(async () => {
    folder = await TempDir.create('secrets');
    const accounts = folder.join('htpasswd');
    await writeHtpasswd(accounts, { alice: canaries.password });
    const debug = `127.0.0.1:${await freePort()}`;
    debugUrl = `http://${debug}`;
    holdfast = await startHoldfast({
      config: {
        log: { level: 'debug' },
        auth: { htpasswd: { realm: 'test', path: accounts } },
        http: { secret: canaries.secret, debug: { addr: debug, prometheus: { enabled: true } } },
        health: {
          http: [
            {
              uri: `http://alice:${encodeURIComponent(canaries.password)}@${debug}/there-is-no-such-page`,
              headers: { Authorization: canaries.check },
              interval: '100ms',
            },
          ],
        },
        redis: { addrs: ['localhost:1'], password: canaries.redis },
        notifications: {
          endpoints: [
            {
              name: 'a',
              url: 'http://localhost:1',
              headers: { Authorization: [`Bearer ${canaries.webhook}`] },
            },
          ],
        },
      },
    });
  });

  afterAll(async () => {
    await holdfast.stop();
    await folder.remove();
  });

  async function ask(path: string, init: Ask = {}): Promise<Response> {
    const url = path.startsWith('http') ? path : `${holdfast.url}${path}`;
    const answer = await fetch(url, {
      ...init,
      headers: { authorization: basic('alice', canaries.password), ...init.headers },
    });
    bodies.push(await answer.text());
    const state = /[?&]_state=([^&]+)/.exec(answer.headers.get('location') ?? '')?.[1];
    if (state !== undefined) states.push(state);
    return answer;
  }

  async function location(path: string, init: Ask): Promise<string> {
    const answer = await ask(path, init);
    expect(answer.status).toBe(202);
    return new URL(answer.headers.get('location') ?? '', holdfast.url).href;
  }

  it('reach no log, no error and no page of the debug address', async () => {
    const begun = await location('/v2/team/app/blobs/uploads/', { method: 'POST' });
    const grown = await location(begun, { method: 'PATCH', body: 'some bytes' });
    await ask(`${grown}&digest=sha256:${'0'.repeat(64)}`, { method: 'PUT' });
    await ask(`${grown}x`, { method: 'GET' });
    await ask(grown, { method: 'DELETE' });
    await ask(grown, { method: 'PATCH', body: 'too late' });
    await ask(
      `/v2/team/app/tags/list?n=-1&X-Amz-Signature=${encodeURIComponent(canaries.signature)}`,
    );
    await ask(
      `/v2/team/app/tags/list?sig=${encodeURIComponent(canaries.signature)}&token=${canaries.token}`,
    );
    await ask('/v2/', { headers: { authorization: `Bearer ${canaries.token}` } });
    await ask('/v2/', { headers: { authorization: basic('bob', canaries.token) } });
    await ask('/v2/team/app/manifests/latest', {
      method: 'PUT',
      body: '{',
      headers: { cookie: canaries.token },
    });
    for (const page of ['/debug/health', '/debug/vars', '/metrics', '/readyz'])
      await ask(debugUrl + page);
    // The first worker answers before all are there; from then on signals mean something.
    await holdfast.process.waitForLine(/ serving /);
    await writeFile(folder.join('htpasswd'), `alice:${canaries.password}\n`);
    holdfast.process.signal('SIGHUP');
    await holdfast.process.waitForLine(/read again/);

    expect(states.length).toBeGreaterThanOrEqual(2);
    expect(holdfast.output).toContain('/v2/team/app/blobs/uploads/');
    const shown = [holdfast.output, ...bodies].join('\n');
    const sent = basic('bob', canaries.token).slice('Basic '.length);
    const found = [...Object.values(canaries), ...states, sent]
      .flatMap((secret) => disguises(secret))
      .filter((form) => shown.includes(form));
    expect(found).toEqual([]);
  });
});
