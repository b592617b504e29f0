import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { errorOf } from '../support/exchange.js';
import { startHoldfast, type Holdfast } from '../support/holdfast.js';
import { digestOf, locationOf, type RegistryApi, withDigest } from '../support/registry-api.js';
import { TempDir } from '../support/temp-dir.js';
import { until } from '../support/until.js';
import { Uploader } from '../support/uploader.js';

const name = 'library/uploads';
const content = randomBytes(300_000);
const digest = digestOf(content);
const [first, second, third] = [0, 1, 2].map((index) =>
  content.subarray(index * 100_000, (index + 1) * 100_000),
) as [Buffer, Buffer, Buffer];

describe('uploads that are cut off, gone on with, or tampered with', () => {
  let folder: TempDir;
  let holdfast: Holdfast;
  let api: RegistryApi;
  let uploader: Uploader;

  const start = async () => {
    holdfast = await startHoldfast({ root: folder.join('data') });
    uploader = new Uploader(holdfast.url, name, content);
    ({ api } = uploader);
  };

  beforeAll(async () => {
    folder = await TempDir.create('uploads');
    await start();
  }, 60_000);

  afterAll(async () => {
    await holdfast?.stop();
    await folder?.remove();
  });

  /** Waits until a request that goes on with this upload has its bytes. */
  const underWay = (location: string) =>
    until('a request under way', async () => {
      const session = /uploads\/([0-9a-f]{48})/.exec(location)?.[1] ?? '';
      const names = await readdir(folder.join('data', 'holdfast/v1/uploads'), { recursive: true });
      return names.some((each) => each.includes(session) && each.includes('.open.'));
    });
  const pathOnly = (location: string) => location.replace(/\?.*/, '');

  describe('resumed', () => {
    const cut = async (location: string, sent: Buffer, announced: number) => {
      const socket = await dial(holdfast.url);
      socket.write(`PATCH ${location} HTTP/1.1\r\nHost: x\r\nContent-Length: ${announced}\r\n\r\n`);
      socket.write(sent);
      return socket;
    };
    const finish = async (location: string) => {
      const status = await until('the session', async () => {
        const answer = await uploader.status(location);
        return answer.status === 204 && answer;
      });
      const offset = Number(status.headers['range']?.toString().split('-')[1]) + 1;
      const begun = offset === 1 ? 0 : offset;
      const answer = await uploader.patch(locationOf(status), content.subarray(begun), begun);
      expect(
        await uploader.pulledAfter(await uploader.put(uploader.accepted(answer, 299_999))),
      ).toBe('what was pushed');
      return begun;
    };

    it.each(['with', 'without'])('after a cut connection, %s the state', async (how) => {
      const location = uploader.accepted(
        await uploader.patch(await uploader.begin(), first, 0),
        99_999,
      );
      const socket = await cut(location, second.subarray(0, 50_000), 200_000);
      await underWay(location);
      socket.destroy();
      await until('the session to be free', async () => {
        const status = await uploader.status(how === 'with' ? location : pathOnly(location));
        return status.status === 204;
      });
      expect(await finish(how === 'with' ? location : pathOnly(location))).toBe(100_000);
    });

    it.each(['with', 'without'])(
      'after kill -9 in the middle of a chunk, %s the state',
      async (how) => {
        const begun = await uploader.begin();
        const location = uploader.accepted(await uploader.patch(begun, first, 0), 99_999);
        const socket = await cut(location, second.subarray(0, 50_000), 200_000);
        socket.on('error', () => undefined);
        await underWay(location);
        holdfast.process.signal('SIGKILL');
        await holdfast.process.exited;
        socket.destroy();
        await start();
        expect(await finish(how === 'with' ? location : pathOnly(location))).toBe(100_000);
      },
      60_000,
    );

    it('after kill -9 between two chunks', async () => {
      const location = uploader.accepted(
        await uploader.patch(await uploader.begin(), first, 0),
        99_999,
      );
      holdfast.process.signal('SIGKILL');
      await holdfast.process.exited;
      await start();
      const next = uploader.accepted(await uploader.patch(location, second, 100_000), 199_999);
      expect(await uploader.pulledAfter(await uploader.put(next, digest, third))).toBe(
        'what was pushed',
      );
    }, 60_000);
  });

  it('keeps nothing of a PUT whose body is cut', async () => {
    const location = await uploader.begin();
    const socket = await dial(holdfast.url);
    const path = withDigest(location, digestOf(first));
    socket.write(`PUT ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100001\r\n\r\n`);
    socket.write(first);
    await underWay(location);
    socket.destroy();
    expect(await uploader.pulledAfter(await uploader.put(location, digest, content))).toBe(
      'what was pushed',
    );
  });

  it('reads no byte beyond the announced length into the blob', async () => {
    const location = await uploader.begin();
    const socket = await dial(holdfast.url);
    const received = once(socket, 'data');
    const path = withDigest(location, digestOf(first));
    socket.write(
      `PUT ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n`,
    );
    socket.write(Buffer.concat([first, Buffer.from('MORE')]));
    // What follows the body is no request, and may be refused before the one that is was done.
    expect(String((await received)[0])).toMatch(/^HTTP\/1\.1 (201|400) /);
    socket.destroy();
    const longer = digestOf(Buffer.concat([first, Buffer.from('MORE')]));
    expect((await api.get(`/v2/${name}/blobs/${longer}`)).status).toBe(404);
    expect(
      await uploader.pulledAfter(
        await uploader.put(await uploader.begin(), digestOf(first), first),
        digestOf(first),
        first,
      ),
    ).toBe('what was pushed');
  });

  describe('state (row H7)', () => {
    it.each([
      [
        'altered',
        (location: string) => location.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
      ],
      ['truncated', (location: string) => location.slice(0, -10)],
      ['empty', (location: string) => location.replace(/_state=.*/, '_state=')],
      ['too long', (location: string) => location + 'A'.repeat(8000)],
      ['of another repository', (location: string) => location.replace(name, 'library/other')],
      [
        'of another session',
        (location: string) =>
          location.replace(/(?<=blobs\/uploads\/)./, (first) => (first === 'f' ? '0' : 'f')),
      ],
      [
        'of Distribution',
        (location: string) => location.replace(/_state=.*/, `_state=${distributions}`),
      ],
    ])('that is %s is refused by every method', async (_what, alter) => {
      const location = uploader.accepted(
        await uploader.patch(await uploader.begin(), first),
        99_999,
      );
      const bad = alter(location);
      const answers = [
        await uploader.status(bad),
        await uploader.patch(bad, second),
        await uploader.put(bad, digestOf(first)),
        await api.send('DELETE', bad),
      ];
      for (const answer of answers) {
        expect([answer.status, errorOf(answer).code]).toEqual([404, 'BLOB_UPLOAD_UNKNOWN']);
      }
      expect(
        await uploader.pulledAfter(await uploader.put(location, digest, content.subarray(100_000))),
      ).toBe('what was pushed');
    });

    it('of 1 MB is refused before it is read', async () => {
      const location = `${await uploader.begin()}${'A'.repeat(1_000_000)}`;
      const answer = await uploader
        .status(location)
        .catch((error: NodeJS.ErrnoException) => error.code);
      expect(['ECONNRESET', 'EPIPE', 414, 431]).toContain(
        typeof answer === 'object' ? answer.status : answer,
      );
      expect((await api.get('/v2/')).status).toBe(200);
    });
  });
});

const distributions = Buffer.from(
  `${'x'.repeat(32)}{"Name":"library/uploads","UUID":"x","Offset":0,"StartedAt":"2026-01-01T00:00:00Z"}`,
).toString('base64url');

async function dial(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  return socket;
}
