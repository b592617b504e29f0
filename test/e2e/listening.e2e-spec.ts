import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2';
import { buffer, text } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';

import { TestAuthority } from '#registry/http/testing/certificates.js';

import { freePort } from '../support/free-port.js';
import { holdfastProgram, startHoldfast } from '../support/holdfast.js';
import { RunningProcess } from '../support/process.js';
import { sha256 } from '../support/random-image.js';
import { TempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';

jest.setTimeout(60_000);

interface Answer {
  readonly status: number;
  readonly location: string;
  readonly body: Buffer;
}

async function send(
  session: ClientHttp2Session,
  method: string,
  path: string,
  body?: Buffer,
): Promise<Answer> {
  const stream = session.request({ ':method': method, ':path': path });
  const head = new Promise<IncomingHttpHeaders>((resolve) => {
    stream.once('response', (headers) => resolve(headers));
  });
  stream.end(body);
  const received = await buffer(stream);
  const headers = await head;
  return { status: Number(headers[':status']), location: headers.location ?? '', body: received };
}

describe('HTTP/2', () => {
  let folder: TempDir;
  let authority: TestAuthority;
  beforeAll(async () => {
    folder = await TempDir.create('http2');
    authority = await TestAuthority.create();
    const { cert, key } = await authority.issue(['127.0.0.1']);
    await writeFile(folder.join('cert.pem'), cert);
    await writeFile(folder.join('key.pem'), key);
  });
  afterAll(() => folder?.remove());

  it.each([
    ['over TLS', true],
    ['without TLS, by prior knowledge', false],
  ])('pushes and pulls %s, many streams on one connection', async (_how, secure) => {
    const tls = { certificate: folder.join('cert.pem'), key: folder.join('key.pem') };
    const http = secure ? { tls } : { h2c: { enabled: true } };
    const registry = await startHoldfast({ config: { http } });
    // The client too holds what it has not sent yet.
    const session = connect(registry.url, { ca: authority.pem, maxSessionMemory: 200 });
    try {
      const blobs = Array.from({ length: 20 }, () => randomBytes(3_000_000));
      await Promise.all(
        blobs.map(async (blob) => {
          const begun = await send(session, 'POST', '/v2/team/app/blobs/uploads/');
          expect(begun.status).toBe(202);
          expect(begun.location.startsWith(`${registry.url}/v2/team/app/`)).toBe(true);
          const { pathname, search } = new URL(begun.location);
          const put = `${pathname}${search}&digest=${sha256(blob)}`;
          expect((await send(session, 'PUT', put, blob)).status).toBe(201);
          const back = await send(session, 'GET', `/v2/team/app/blobs/${sha256(blob)}`);
          expect(sha256(back.body)).toBe(sha256(blob));
        }),
      );
      const missing = await send(session, 'GET', '/v2/team/app/manifests/none');
      expect(missing.status).toBe(404);
    } finally {
      session.destroy();
      await registry.stop();
    }
  });

  it('reads a refused body of unknown length to its end, which not every client ends before', async () => {
    const registry = await startHoldfast({ config: { http: { h2c: { enabled: true } } } });
    const session = connect(registry.url);
    try {
      const body = Buffer.alloc(5 * 1024 * 1024, ' ');
      const stream = session.request({ ':method': 'PUT', ':path': '/v2/team/app/manifests/1' });
      const sent = new Promise((resolve) => stream.once('finish', resolve));
      const answer = new Promise<IncomingHttpHeaders>((resolve) =>
        stream.once('response', resolve),
      );
      stream.end(body);
      expect((await buffer(stream)).toString()).toContain('SIZE_INVALID');
      await sent;
      expect((await answer)[':status']).toBe(413);
      expect((await send(session, 'GET', '/v2/team/app/manifests/1')).status).toBe(404);
    } finally {
      session.destroy();
      await registry.stop();
    }
  });
});

describe('a unix socket', () => {
  it('is served, after one that a killed process left behind too', async () => {
    const folder = await TempDir.create('socket');
    const socketPath = folder.join('registry.sock');
    const config = {
      version: 0.1,
      storage: { filesystem: { rootdirectory: folder.join('data') } },
      http: { net: 'unix', addr: socketPath, workers: 2, drainwait: '0s' },
    };
    await writeFile(folder.join('config.yml'), JSON.stringify(config));
    const command = [holdfastProgram, 'serve', folder.join('config.yml')];
    try {
      const first = await RunningProcess.start(process.execPath, command);
      await first.waitForLine(/serving/);
      expect(await askSocket(socketPath)).toBe('{}');
      first.signal('SIGKILL');
      await first.exited;

      const second = await RunningProcess.start(process.execPath, command);
      await second.waitForLine(/serving/);
      expect(await askSocket(socketPath)).toBe('{}');
      expect(await second.stop()).toEqual({ code: 0, signal: null });
    } finally {
      await folder.remove();
    }
  });
});

describe('SIGHUP', () => {
  let folder: TempDir;
  let port: number;
  let registry: RunningProcess;
  const write = (level: string, http: object) =>
    writeFile(
      folder.join('config.yml'),
      JSON.stringify({
        version: 0.1,
        log: { level },
        storage: { filesystem: { rootdirectory: folder.join('data') } },
        http: { addr: `127.0.0.1:${port}`, workers: 2, drainwait: '0s', ...http },
      }),
    );

  beforeAll(async () => {
    folder = await TempDir.create('reload');
    port = await freePort();
    await write('info', {});
    const args = [holdfastProgram, 'serve', folder.join('config.yml')];
    registry = await RunningProcess.start(process.execPath, args);
    await registry.waitForLine(/serving/);
  });
  afterAll(async () => {
    await registry?.stop();
    await folder?.remove();
  });

  it('says what it changed and what needs a restart', async () => {
    await write('debug', { prefix: '/elsewhere/' });
    registry.signal('SIGHUP');
    expect(await registry.waitForLine(/configuration read again/)).toContain('log.level');
    expect(await registry.waitForLine(/need a restart/)).toContain('http.prefix');
    expect((await fetch(`http://127.0.0.1:${port}/v2/`)).status).toBe(200);
  });

  it('keeps the configuration when the new one is wrong', async () => {
    await write('info', { adress: 'x' });
    registry.signal('SIGHUP');
    expect(await registry.waitForLine(/the old one stays/)).toContain('http.adress');
    expect((await fetch(`http://127.0.0.1:${port}/v2/`)).status).toBe(200);
  });

  it('changes the level of every worker', async () => {
    await write('warn', {});
    registry.signal('SIGHUP');
    await until('no more lines of requests', async () => {
      const before = registry.output.length;
      await Promise.all(
        Array.from({ length: 8 }, () =>
          fetch(`http://127.0.0.1:${port}/v2/`, { headers: { connection: 'close' } }),
        ),
      );
      return registry.output.length === before;
    });
    expect(registry.running).toBe(true);
  });
});

function askSocket(socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path: '/v2/', agent: false }, (answer) => {
      text(answer).then(resolve, reject);
    })
      .on('error', reject)
      .end();
  });
}
