import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, it } from '@jest/globals';

import { Secret } from '#config/secret.js';
import { FilesystemDriver } from '#storage/filesystem/filesystem-driver.js';
import { MemoryDriver } from '#storage/memory/memory-driver.js';

import { fileCheck } from './file-check.js';
import { httpCheck } from './http-check.js';
import { storageCheck } from './storage-check.js';
import { tcpCheck } from './tcp-check.js';

const times = { interval: 1000, threshold: 1, timeout: 1000 };
const { signal } = new AbortController();

describe('health checks', () => {
  const undo: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    await Promise.all(undo.splice(0).map((action) => action()));
  });

  async function temporaryFolder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-health-'));
    undo.push(() => rm(folder, { recursive: true, force: true }));
    return folder;
  }

  async function listening(server: Server): Promise<number> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    undo.push(async () => server.close());
    return (server.address() as AddressInfo).port;
  }

  /** A port that nobody listens on. */
  async function deadPort(): Promise<number> {
    const server = createTcpServer();
    const port = await listening(server);
    server.close();
    await once(server, 'close');
    return port;
  }

  describe('of the storage', () => {
    it('has the name that Distribution gives it', () => {
      expect(storageCheck(new MemoryDriver(), times).name).toBe('storagedriver_inmemory');
    });

    it('passes on an empty root directory (row K2)', async () => {
      const driver = await FilesystemDriver.connect({ rootdirectory: await temporaryFolder() });
      await expect(storageCheck(driver, times).run(signal)).resolves.toBeUndefined();
    });

    it('fails when the root directory is gone', async () => {
      const root = join(await temporaryFolder(), 'root');
      const driver = await FilesystemDriver.connect({ rootdirectory: root });
      await rm(root, { recursive: true });
      await expect(storageCheck(driver, times).run(signal)).rejects.toThrow(
        'the root directory is gone',
      );
    });
  });

  describe('of a file', () => {
    it('fails while the file exists', async () => {
      const file = join(await temporaryFolder(), 'out-of-service');
      const check = fileCheck({ file, ...times });
      expect(check.name).toBe(file);
      await expect(check.run(signal)).resolves.toBeUndefined();
      await writeFile(file, '');
      await expect(check.run(signal)).rejects.toThrow('file exists');
      await rm(file);
      await expect(check.run(signal)).resolves.toBeUndefined();
    });

    it('fails where it cannot look', async () => {
      const file = join(await temporaryFolder(), 'no-folder');
      await writeFile(file, '');
      await expect(fileCheck({ file: join(file, 'x'), ...times }).run(signal)).rejects.toThrow(
        'ENOTDIR',
      );
    });
  });

  describe('of an HTTP address', () => {
    async function answering(status: number) {
      const requests: IncomingMessage[] = [];
      const server = createServer((request, response) => {
        requests.push(request);
        response.writeHead(status).end();
      });
      const port = await listening(server);
      return { port, requests };
    }

    const config = (uri: string, statuscode = 200) => ({ uri, statuscode, headers: {}, ...times });

    it('asks with HEAD and the headers, and passes at the expected status', async () => {
      const { port, requests } = await answering(204);
      const uri = `http://127.0.0.1:${port}/health`;
      const headers = { 'x-team': [new Secret('one'), new Secret('two')] };
      await httpCheck({ ...config(uri, 204), headers }).run(signal);
      expect(requests[0]).toMatchObject({
        method: 'HEAD',
        url: '/health',
        headers: { 'x-team': 'one, two' },
      });
    });

    it('fails at another status', async () => {
      const { port } = await answering(500);
      const check = httpCheck(config(`http://127.0.0.1:${port}/`));
      await expect(check.run(signal)).rejects.toThrow('answered 500, expected 200');
    });

    it('sends the credentials of the URL and never shows them', async () => {
      const { port, requests } = await answering(500);
      const check = httpCheck(config(`http://user:s%40crit@127.0.0.1:${port}/`));
      expect(check.name).toBe(`http://******@127.0.0.1:${port}/`);
      await expect(check.run(signal)).rejects.toThrow(/^(?!.*crit)/);
      expect(requests[0]?.headers.authorization).toBe(`Basic ${btoa('user:s@crit')}`);
    });

    it('fails with the reason where nobody answers', async () => {
      const check = httpCheck(config(`http://127.0.0.1:${await deadPort()}/`));
      await expect(check.run(signal)).rejects.toThrow('ECONNREFUSED');
    });

    it('gives up when it is told to', async () => {
      const port = await listening(createTcpServer(() => {}));
      const check = httpCheck(config(`http://127.0.0.1:${port}/`));
      await expect(check.run(AbortSignal.timeout(20))).rejects.toThrow('aborted');
    });
  });

  describe('of a TCP address', () => {
    it('passes where connections are taken', async () => {
      const port = await listening(createTcpServer((socket) => socket.destroy()));
      const check = tcpCheck({ addr: `127.0.0.1:${port}`, ...times });
      expect(check.name).toBe(`127.0.0.1:${port}`);
      await expect(check.run(signal)).resolves.toBeUndefined();
    });

    it('fails with the reason where they are not', async () => {
      const addr = `127.0.0.1:${await deadPort()}`;
      await expect(tcpCheck({ addr, ...times }).run(signal)).rejects.toThrow(
        `${addr}: connection failed: connect ECONNREFUSED`,
      );
    });
  });
});
