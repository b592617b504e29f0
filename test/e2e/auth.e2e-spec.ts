import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { startHoldfast, type Holdfast } from '../support/holdfast.js';
import { basic, writeHtpasswd } from '../support/htpasswd.js';
import { randomImage, sha256 } from '../support/random-image.js';
import { RegistryClient } from '../support/registry-client.js';
import { TempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

jest.setTimeout(60_000);

const digest = sha256(Buffer.from('?'));

/** Every route of the API, with each of its methods. */
const guarded: readonly (readonly [method: string, path: string])[] = [
  ...['GET', 'HEAD'].flatMap((method) => [[method, '/v2/'] as const, [method, '/v2'] as const]),
  ['GET', '/v2/_catalog'],
  ['GET', '/v2/team/app/tags/list'],
  ['GET', `/v2/team/app/referrers/${digest}`],
  ...['GET', 'HEAD', 'PUT', 'DELETE'].flatMap((method) => [
    [method, '/v2/team/app/manifests/latest'] as const,
    [method, `/v2/team/app/manifests/${digest}`] as const,
  ]),
  ...['GET', 'HEAD', 'DELETE'].map((method) => [method, `/v2/team/app/blobs/${digest}`] as const),
  ['POST', '/v2/team/app/blobs/uploads/'],
  ['POST', `/v2/team/app/blobs/uploads/?mount=${digest}&from=team/base`],
  ['POST', `/v2/team/app/blobs/uploads/?digest=${digest}`],
  ...['GET', 'PATCH', 'PUT', 'DELETE'].map(
    (method) => [method, '/v2/team/app/blobs/uploads/0123?_state=x'] as const,
  ),
];

describe('htpasswd', () => {
  const passwords = { anna: 'first secret', ben: 'second:secret' };
  let folder: TempDir;
  let registry: Holdfast;
  let anna: RegistryClient;
  let ben: RegistryClient;

  beforeAll(async () => {
    folder = await TempDir.create('auth');
    const path = folder.join('htpasswd');
    await writeHtpasswd(path, passwords);
    registry = await startHoldfast({
      config: {
        auth: { htpasswd: { realm: 'Team "A"', path } },
        http: { workers: 1 },
        log: { level: 'debug' },
      },
    });
    anna = new RegistryClient(registry.url, { username: 'anna', password: passwords.anna });
    ben = new RegistryClient(registry.url, { username: 'ben', password: passwords.ben });
  });
  afterAll(async () => {
    await registry?.stop();
    await folder?.remove();
  });

  const without = (method: string, path: string, headers: Record<string, string> = {}) =>
    new RegistryClient(registry.url).request(method, path, { headers });

  it.each(guarded)('challenges %s %s', async (method, path) => {
    const answer = await without(method, path);
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe('Basic realm="Team \\"A\\""');
    expect(answer.headers.get('docker-distribution-api-version')).toBe('registry/2.0');
  });

  it('says in the body what was asked for', async () => {
    const { body } = await without('PUT', '/v2/team/app/manifests/latest');
    expect(JSON.parse(body.toString())).toEqual({
      errors: [
        {
          code: 'UNAUTHORIZED',
          message: 'authentication required',
          detail: [
            { Type: 'repository', Class: '', Name: 'team/app', Action: 'pull' },
            { Type: 'repository', Class: '', Name: 'team/app', Action: 'push' },
          ],
        },
      ],
    });
  });

  it.each(['/', '/livez', '/readyz', '/startupz'])('answers %s to everybody', async (path) => {
    // Readiness waits for the first check of the storage.
    const answered = async () => (await without('GET', path)).status === 200;
    expect(await until(`${path} to answer 200`, answered)).toBe(true);
  });

  it('lets users push and pull', async () => {
    const image = randomImage();
    await anna.push('team/app', '1', image);
    expect(await ben.differences('team/app', image)).toEqual([]);
    expect((await without('GET', '/v2/team/app/manifests/1')).status).toBe(401);
  });

  it('mounts between repositories', async () => {
    const image = randomImage({ layers: 1 });
    await anna.push('team/base', '1', image);
    const [blob = ''] = image.blobs.keys();
    const path = `/v2/team/mounted/blobs/uploads/?mount=${blob}&from=team/base`;
    expect((await anna.request('POST', path)).status).toBe(201);
  });

  it("keeps one user's upload from another", async () => {
    const started = await anna.request('POST', '/v2/team/app/blobs/uploads/');
    const { pathname, search } = new URL(started.headers.get('location') ?? '', registry.url);
    const body = Buffer.from('bytes');
    expect((await ben.request('GET', pathname + search)).status).toBe(404);
    expect((await ben.request('PATCH', pathname + search, { body })).status).toBe(404);
    expect((await ben.request('DELETE', pathname + search)).status).toBe(404);
    expect((await anna.request('PATCH', pathname + search, { body })).status).toBe(202);
  });

  it('answers the same to a wrong password and to a user who is not there', async () => {
    const wrong = await without('GET', '/v2/', { authorization: basic('anna', 'guess') });
    const unknown = await without('GET', '/v2/', { authorization: basic('nobody', 'guess') });
    expect(wrong.status).toBe(401);
    expect(unknown.body.equals(wrong.body)).toBe(true);
    const names = [...wrong.headers.keys()].filter((name) => name !== 'date');
    expect(names.map((name) => unknown.headers.get(name))).toEqual(
      names.map((name) => wrong.headers.get(name)),
    );
  });

  it('warns once that a password came over plain HTTP from elsewhere', async () => {
    const remote = { authorization: basic('anna', passwords.anna), 'x-forwarded-for': '192.0.2.1' };
    const warnings = () => registry.output.match(/a password came over plain HTTP/g)?.length ?? 0;
    expect(warnings()).toBe(0);
    const secure = { ...remote, 'x-forwarded-proto': 'https' };
    expect((await without('GET', '/v2/', secure)).status).toBe(200);
    expect(warnings()).toBe(0);
    for (let count = 0; count < 3; count++) {
      expect((await without('GET', '/v2/', remote)).status).toBe(200);
    }
    await registry.process.waitForLine(/a password came over plain HTTP/);
    expect(warnings()).toBe(1);
  });

  it('writes no password anywhere, neither plain nor as it was sent', async () => {
    await without('GET', '/v2/', { authorization: basic('anna', 'third guess') });
    for (const [user, password] of [
      ...Object.entries(passwords),
      ['anna', 'third guess'],
    ] as const) {
      const sent = basic(user, password).slice('Basic '.length);
      for (const form of [password, sent, encodeURIComponent(password)]) {
        expect(registry.output).not.toContain(form);
      }
    }
    expect(registry.output).not.toContain('$2b$');
  });
});

describe('a missing htpasswd file', () => {
  it('is made with one account, whose password is shown once', async () => {
    const folder = await TempDir.create('auth');
    const path = folder.join('new', 'htpasswd');
    const config = { auth: { htpasswd: { realm: 'r', path } }, http: { workers: 2 } };
    try {
      const first = await startHoldfast({ config });
      const shown = first.output.match(/password {2}(\S+)/g) ?? [];
      const password = /password {2}(\S+)/.exec(first.output)?.[1] ?? '';
      try {
        expect(shown).toHaveLength(1);
        const docker = new RegistryClient(first.url, { username: 'docker', password });
        expect((await docker.request('GET', '/v2/')).status).toBe(200);
      } finally {
        await first.stop();
      }
      const file = await readFile(path, 'utf8');
      const second = await startHoldfast({ config });
      try {
        const docker = new RegistryClient(second.url, { username: 'docker', password });
        expect((await docker.request('GET', '/v2/')).status).toBe(200);
        expect(second.output).not.toMatch(/password {2}/);
        expect(await readFile(path, 'utf8')).toBe(file);
      } finally {
        await second.stop();
      }
    } finally {
      await folder.remove();
    }
  });
});

describe('an htpasswd file that is something else', () => {
  it('ends the start with one line that names the key and the line', async () => {
    const folder = await TempDir.create('auth');
    const path = folder.join('htpasswd');
    await writeFile(path, '# accounts\nswordfish\n');
    try {
      const start = startHoldfast({ config: { auth: { htpasswd: { realm: 'r', path } } } });
      await expect(start).rejects.toThrow(/"code":1/);
      await expect(start).rejects.toThrow(
        `auth.htpasswd.path: ${path}: line 2 is not of the form user:hash`,
      );
      await expect(start).rejects.not.toThrow(/swordfish|\n\s+at /);
    } finally {
      await folder.remove();
    }
  });
});

describe('silly', () => {
  let registry: Holdfast;

  beforeAll(async () => {
    registry = await startHoldfast({
      config: { auth: { silly: { realm: 'https://auth.example/token', service: 'registry' } } },
    });
  });
  afterAll(() => registry?.stop());

  it('challenges for a token with the scopes of the request', async () => {
    const client = new RegistryClient(registry.url);
    const path = `/v2/app/blobs/uploads/?mount=${digest}&from=base`;
    expect((await client.request('POST', path)).headers.get('www-authenticate')).toBe(
      'Bearer realm="https://auth.example/token",service="registry",scope="repository:app:pull,push repository:base:pull"',
    );
    expect((await client.request('GET', '/v2/')).headers.get('www-authenticate')).toBe(
      'Bearer realm="https://auth.example/token",service="registry"',
    );
    expect((await client.request('GET', '/v2/_catalog')).headers.get('www-authenticate')).toBe(
      'Bearer realm="https://auth.example/token",service="registry",scope="registry:catalog:*"',
    );
  });

  it('lets in whoever says anything', async () => {
    const headers = { authorization: 'seriously, anything' };
    const answer = await new RegistryClient(registry.url).request('GET', '/v2/', { headers });
    expect(answer.status).toBe(200);
  });

  it('does not take a second header for the first', async () => {
    const { status } = await new Promise<{ status: number | undefined }>((resolve, reject) => {
      const headers = ['Host', registry.host, 'Authorization', '', 'Authorization', 'x'];
      request(`${registry.url}/v2/`, { headers }, (response) => {
        response.resume();
        resolve({ status: response.statusCode });
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(401);
  });
});

describe('none', () => {
  it('asks nobody', async () => {
    const registry = await startHoldfast({ config: { auth: { none: {} } } });
    try {
      const anybody = new RegistryClient(registry.url);
      const image = randomImage();
      await anybody.push('app', '1', image);
      const somebody = new RegistryClient(registry.url, { username: 'x', password: 'y' });
      expect(await somebody.differences('app', image)).toEqual([]);
    } finally {
      await registry.stop();
    }
  });
});
